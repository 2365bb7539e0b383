// Runs on the page that ends a popup: it posts the result to the page that
// opened the popup, unless the buyer closed it before that, and closes.
(function () {
  'use strict';

  var data = document.body.dataset;
  if (data.result && window.opener) {
    // The result holds no secret, so an unknown origin may read it.
    window.opener.postMessage({ type: 'portone-simulator', result: JSON.parse(data.result) }, data.origin || '*');
  }
  window.close();
})();
