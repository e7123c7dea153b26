/** The few signs that letters cannot be, drawn in the colour of the text around them. */
const paths = {
  chevron: "M6 3.5 10.5 8 6 12.5l-.8-.8L8.9 8 5.2 4.3z",
  close: "M8 7.2 11.6 3.6l.8.8L8.8 8l3.6 3.6-.8.8L8 8.8l-3.6 3.6-.8-.8L7.2 8 3.6 4.4l.8-.8z",
  filter: "M1.5 3h13v1.6L10 9.2v4.3l-4-2V9.2L1.5 4.6zm1.7 1L7 8.8v2.1l2 1V8.8L12.8 4z",
  replace: "M3 2h6v5H3zm1 1v3h4V3zm3 6h6v5H7zm1 1v3h4v-3zM4 8h1v3h1.5L4.5 13l-2-2H4z",
  replaceAll: "M2 1h5v4H2zm1 1v2h3V2zm5 0h5v4H8zm1 1v2h3V3zM9 10h6v5H9zm1 1v3h4v-3zM4 7h1v4h2V9.5L9 11.5l-2 2V12H4z",
} as const;

export type IconName = keyof typeof paths;

export function icon(name: IconName): SVGSVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("viewBox", "0 0 16 16");
  made.setAttribute("width", "16");
  made.setAttribute("height", "16");
  made.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(made.namespaceURI, "path");
  path.setAttribute("d", paths[name]);
  path.setAttribute("fill", "currentColor");
  path.setAttribute("fill-rule", "evenodd");
  made.append(path);
  return made;
}
