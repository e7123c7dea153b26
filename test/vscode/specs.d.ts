// A name that the bundler fills with every spec of this folder (test/support/build.ts).
declare module "overlay-specs";
