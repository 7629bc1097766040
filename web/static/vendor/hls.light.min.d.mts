// The types of the vendored file, for the checker; they come with the npm package.
export * from 'hls.js';
export {default} from 'hls.js';
