import{n as e}from"./highlight-DPaAONAD.js";var t=e([[`comment`,/(?<=^\s*|\s)#.*/],[`string`,/"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?/],[`keyword`,/\b(?:model|schema|type|relations|define|condition|extend|module|or|and|but not|from|with)\b(?!\s*[:.])/],[`name`,/(?<=\bdefine\s+)[\w/-]+(?=\s*:)|(?<=\b(?:type|condition)\s+)[\w/-]+/],[`number`,/\b\d[\w.]*/]]),n=e([[`comment`,/(?<=^\s*|\s)#.*/],[`string`,/"(?:\\.|[^"\\])*"?|'(?:''|[^'])*'?/],[`name`,/(?<=^[\s-]*|[{,]\s*)[\w.-]+(?=:(?:\s|$))/],[`keyword`,/\b(?:true|false|null)\b/],[`number`,/(?<=[\s[{,]|^)-?\d[\d.]*(?=[\s\]},]|$)/]]),r=`model
  schema 1.1

type user

type team
  relations
    define member: [user, team#member]

type folder
  relations
    define parent: [folder]
    define owner: [user]
    define editor: [user, team#member] or owner or editor from parent
    define viewer: [user, user:*, team#member] or editor or viewer from parent
`,i=`# The model is the one that is used; a file may bring its own.
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
`;function a(e,t,n){let r=[...e.split(`
`)[t-1]??``].slice(0,n-1).join(``);return new TextEncoder().encode(r).length+1}export{n as a,i,t as n,r,a as t};