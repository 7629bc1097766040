/* The page in a frame that sockjs-client speaks through. */
try {
  document.domain = document.domain; // as the htmlfile page does, which is another origin otherwise
} catch {
  // not for addresses and where origins are kept apart anyway
}
/* global SockJS */
SockJS.bootstrap_iframe();
