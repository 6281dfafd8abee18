import{t as e}from"./useMutation-qT7IPBFJ.js";import{t}from"./circle-check-BbFyiKfL.js";import{t as n}from"./circle-x-DR8T--Xs.js";import{a as r,n as i,r as a}from"./createLucideIcon-DJErT5LB.js";import{n as o,o as s,r as c}from"./client-DZtFEEHi.js";import{i as l,n as u,t as d}from"./problem-alert-Bv_N4pW4.js";import{t as f}from"./button-D48TIYl1.js";import{t as p}from"./card-BcK-HQR3.js";import{i as m}from"./highlight-DPaAONAD.js";import{n as h}from"./field-B1CExcAK.js";import{t as g}from"./table-DLj8d0Ba.js";import{n as _,r as v}from"./draft-6gBzQDLt.js";import{r as y,t as b}from"./frame-D4V5KKWg.js";import{a as x}from"./language-ZaviPYyb.js";import{t as S}from"./texts-B4hhRb7J.js";var C=r(a(),1),w=i();function T(){return(0,w.jsx)(b,{children:e=>(0,w.jsx)(E,{s:e},e.id)})}function E({s:t}){let n=S.use(),r=u(),[i,a]=v(`${t.id}:tests`),l=i??``,g=_(`${t.id}:model`),[y,b]=(0,C.useState)(`used`),T=e({mutationFn:e=>o(c.POST(`/api/stores/{store}/test`,{params:{path:{store:t.id}},body:{file:e,...y===`draft`&&g!==void 0?{draft:g}:{}}}))}),E=T.variables===l,O=E&&T.error instanceof s?Number(/\bline (\d+)\b/.exec(T.error.detail)?.[1]??0):0,k=O?[{line:O,text:r(T.error)}]:[];return(0,w.jsxs)(`div`,{className:`grid grid-cols-1 gap-6`,children:[(0,w.jsx)(p,{title:n(`tests.title`),description:n(`tests.text`),actions:!l&&(0,w.jsx)(f,{look:`secondary`,onClick:()=>a(`# The model is the one that is used; a file may bring its own.
tuples:
  - user: user:anne
    relation: editor
    object: folder:plans
  - user: folder:plans
    relation: parent
    object: folder:q3
tests:
  - name: what stands in a folder is shared with it
    check:
      - user: user:anne
        object: folder:q3
        assertions:
          viewer: true
          owner: false
    list_objects:
      - user: user:anne
        type: folder
        assertions:
          editor: [folder:plans, folder:q3]
`),children:n(`tests.example`)}),footer:(0,w.jsx)(f,{busy:T.isPending,disabled:!l.trim(),onClick:()=>T.mutate(l),children:n(`tests.run`)}),children:(0,w.jsxs)(`div`,{className:`grid grid-cols-1 gap-4`,children:[g!==void 0&&(0,w.jsxs)(h,{label:n(`tests.model`),value:y,onChange:e=>b(e.target.value===`draft`?`draft`:`used`),children:[(0,w.jsx)(`option`,{value:`used`,children:n(`terms.model.used`)}),(0,w.jsx)(`option`,{value:`draft`,children:n(`terms.model.draft`)})]}),(0,w.jsx)(m,{label:n(`tests.file`),value:l,onChange:e=>a(e||void 0),highlight:x,marks:k}),E&&!O&&(0,w.jsx)(d,{problem:T.error})]})}),T.data&&E&&(0,w.jsx)(D,{all:T.data.items})]})}function D({all:e}){let r=S.use(),i=e.filter(e=>!e.passed),a=[...i,...e.filter(e=>e.passed)].map((e,t)=>({...e,key:String(t)}));return(0,w.jsxs)(`div`,{className:`grid grid-cols-1 gap-4`,children:[e.length===0?(0,w.jsx)(l,{tone:`warning`,children:r(`tests.nothing`)}):(0,w.jsx)(l,{tone:i.length===0?`success`:`warning`,title:i.length===0?r(`tests.all`,{count:e.length}):r(`tests.failed`,{count:i.length}),children:i.length>0&&r(`tests.of`,{count:e.length})}),(0,w.jsx)(g,{label:r(`tests.outcomes`),rows:a,rowKey:e=>e.key,columns:[{id:`passed`,title:r(`tests.outcome`),cell:e=>e.passed?(0,w.jsxs)(`span`,{className:`inline-flex items-center gap-1.5 whitespace-nowrap text-success`,children:[(0,w.jsx)(t,{size:16,"aria-hidden":!0}),` `,r(`tests.passed`)]}):(0,w.jsxs)(`span`,{className:`inline-flex items-center gap-1.5 font-semibold whitespace-nowrap text-danger`,children:[(0,w.jsx)(n,{size:16,"aria-hidden":!0}),` `,r(`tests.not_passed`)]})},{id:`test`,title:r(`tests.test`),wideOnly:!0,cell:e=>e.test},{id:`question`,title:r(`tests.question`),cell:e=>(0,w.jsx)(`bdi`,{className:`user-text font-mono text-[0.8125rem]`,children:e.question})},{id:`want`,title:r(`tests.want`),cell:e=>(0,w.jsx)(`bdi`,{className:`user-text font-mono text-[0.8125rem]`,children:e.want})},{id:`got`,title:r(`tests.got`),cell:e=>(0,w.jsx)(`bdi`,{className:`user-text font-mono text-[0.8125rem]`,children:e.got})}]})]})}export{T as Component,y as loader};