import{t as e}from"./useMutation-qT7IPBFJ.js";import{t}from"./circle-check-BbFyiKfL.js";import{a as n,n as r,r as i,t as a}from"./createLucideIcon-DJErT5LB.js";import{n as o,o as s,r as c}from"./client-DZtFEEHi.js";import{i as l,n as u,t as d}from"./problem-alert-Dcq6elFl.js";import{t as f}from"./button-DF-BU2cJ.js";import{t as p}from"./card-EpAA2wxu.js";import{r as m}from"./highlight-CJSRYCKk.js";import{n as h}from"./field-Cud2iBiL.js";import{t as g}from"./table-Ce949ko-.js";import{i as _,r as v}from"./editor-texts-rAG5rrcm.js";import{r as y,t as b}from"./frame-ChhkfllA.js";import{a as x}from"./language-CmYr2m2c.js";import{u as S}from"./data-u_64mPJ0.js";var C={name:`circle-x`,size:24,node:[[`circle`,{cx:`12`,cy:`12`,r:`10`,key:`1mglay`}],[`path`,{d:`m15 9-6 6`,key:`1uzhvr`}],[`path`,{d:`m9 9 6 6`,key:`z0biqf`}]],aliases:[`x-circle`]};C.node;var w=a(C),T=n(i(),1),E=r();function D(){return(0,E.jsx)(b,{children:e=>(0,E.jsx)(O,{s:e},e.id)})}function O({s:t}){let n=S.use(),r=u(),[i,a]=_(`${t.id}:tests`),l=i??``,g=v(`${t.id}:model`),[y,b]=(0,T.useState)(`used`),C=e({mutationFn:e=>o(c.POST(`/api/stores/{store}/test`,{params:{path:{store:t.id}},body:{file:e,...y===`draft`&&g!==void 0?{draft:g}:{}}}))}),w=C.variables===l,D=w&&C.error instanceof s?Number(/\bline (\d+)\b/.exec(C.error.detail)?.[1]??0):0,O=D?[{line:D,text:r(C.error)}]:[];return(0,E.jsxs)(`div`,{className:`grid grid-cols-1 gap-6`,children:[(0,E.jsx)(p,{title:n(`tests.title`),description:n(`tests.text`),actions:!l&&(0,E.jsx)(f,{look:`secondary`,onClick:()=>a(`# The model is the one that is used; a file may bring its own.
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
`),children:n(`tests.example`)}),footer:(0,E.jsx)(f,{busy:C.isPending,disabled:!l.trim(),onClick:()=>C.mutate(l),children:n(`tests.run`)}),children:(0,E.jsxs)(`div`,{className:`grid grid-cols-1 gap-4`,children:[g!==void 0&&(0,E.jsxs)(h,{label:n(`tests.model`),value:y,onChange:e=>b(e.target.value===`draft`?`draft`:`used`),children:[(0,E.jsx)(`option`,{value:`used`,children:n(`terms.model.used`)}),(0,E.jsx)(`option`,{value:`draft`,children:n(`terms.model.draft`)})]}),(0,E.jsx)(m,{label:n(`tests.file`),value:l,onChange:e=>a(e||void 0),highlight:x,marks:O}),w&&!D&&(0,E.jsx)(d,{problem:C.error})]})}),C.data&&w&&(0,E.jsx)(k,{all:C.data.items})]})}function k({all:e}){let n=S.use(),r=e.filter(e=>!e.passed),i=[...r,...e.filter(e=>e.passed)].map((e,t)=>({...e,key:String(t)}));return(0,E.jsxs)(`div`,{className:`grid grid-cols-1 gap-4`,children:[e.length===0?(0,E.jsx)(l,{tone:`warning`,children:n(`tests.nothing`)}):(0,E.jsx)(l,{tone:r.length===0?`success`:`warning`,title:r.length===0?n(`tests.all`,{count:e.length}):n(`tests.failed`,{count:r.length}),children:r.length>0&&n(`tests.of`,{count:e.length})}),(0,E.jsx)(g,{label:n(`tests.outcomes`),rows:i,rowKey:e=>e.key,columns:[{id:`passed`,title:n(`tests.outcome`),cell:e=>e.passed?(0,E.jsxs)(`span`,{className:`inline-flex items-center gap-1.5 whitespace-nowrap text-success`,children:[(0,E.jsx)(t,{size:16,"aria-hidden":!0}),` `,n(`tests.passed`)]}):(0,E.jsxs)(`span`,{className:`inline-flex items-center gap-1.5 font-semibold whitespace-nowrap text-danger`,children:[(0,E.jsx)(w,{size:16,"aria-hidden":!0}),` `,n(`tests.not_passed`)]})},{id:`test`,title:n(`tests.test`),wideOnly:!0,cell:e=>e.test},{id:`question`,title:n(`tests.question`),cell:e=>(0,E.jsx)(`bdi`,{className:`user-text font-mono text-[0.8125rem]`,children:e.question})},{id:`want`,title:n(`tests.want`),cell:e=>(0,E.jsx)(`bdi`,{className:`user-text font-mono text-[0.8125rem]`,children:e.want})},{id:`got`,title:n(`tests.got`),cell:e=>(0,E.jsx)(`bdi`,{className:`user-text font-mono text-[0.8125rem]`,children:e.got})}]})]})}export{D as Component,y as loader};