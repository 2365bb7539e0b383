// The shape of PortOne's script for V1 (https://cdn.iamport.kr/v1/iamport.js,
// types of npm iamport-typings 1.4.0) for PG tosspay_v2. It checks its
// parameters as far as that is documented and then opens the simulated window:
// a popup on a PC, which calls back, and a redirect on a phone, which does not.
(function () {
  'use strict';

  var windowURL = new URL('../window', document.currentScript.src);
  var PAY_METHODS = ['tosspay', 'tosspay_card', 'tosspay_money'];
  var NARROW = 600; // a narrower window counts as a phone
  var userCode = null;

  // What request_pay takes for tosspay_v2, and the type of each. popup is the
  // simulator's own: false redirects on a PC as well.
  var TYPES = {
    pg: 'string', channelKey: 'string', pay_method: 'string', merchant_uid: 'string', name: 'string', amount: 'number',
    currency: 'string', language: 'string', tax_free: 'number', vat_amount: 'number',
    buyer_name: 'string', buyer_email: 'string', buyer_tel: 'string', buyer_addr: 'string', buyer_postcode: 'string',
    m_redirect_url: 'string', app_scheme: 'string', notice_url: 'string or list', confirm_url: 'string', custom_data: 'any',
    card: 'object', bypass: 'object', customer_uid: 'string', customer_id: 'string', popup: 'boolean',
  };
  var LENGTHS = {
    merchant_uid: 40, name: 40, customer_uid: 80, customer_id: 50,
    buyer_name: 16, buyer_email: 64, buyer_tel: 16, buyer_addr: 128, buyer_postcode: 8,
  };

  function absent(value) {
    return value === undefined || value === null;
  }

  function typeOf(value) {
    return Array.isArray(value) ? 'list' : typeof value;
  }

  // problem returns what is wrong with the parameters, or null.
  function problem(params) {
    for (var name in params) {
      var value = params[name];
      if (!TYPES[name]) {
        return name + ' is not known';
      }
      if (!absent(value) && TYPES[name] !== 'any' && TYPES[name].split(' or ').indexOf(typeOf(value)) < 0) {
        return name + ' must be a ' + TYPES[name];
      }
      if (LENGTHS[name] && !absent(value) && Array.from(value).length > LENGTHS[name]) {
        return name + ' is longer than ' + LENGTHS[name] + ' characters';
      }
    }
    return missing(params) || outOfRange(params);
  }

  function missing(params) {
    var issues = !absent(params.customer_uid);
    var required = ['merchant_uid', 'name', 'pay_method'].concat(issues ? ['customer_id', 'm_redirect_url'] : ['amount']);
    for (var i = 0; i < required.length; i++) {
      if (absent(params[required[i]]) || params[required[i]] === '') {
        return required[i] + ' is required';
      }
    }
    if (!params.pg && !params.channelKey) {
      return 'channelKey or pg is required';
    }
    return null;
  }

  function outOfRange(params) {
    var issues = !absent(params.customer_uid);
    if (PAY_METHODS.indexOf(params.pay_method) < 0 || (issues && params.pay_method !== 'tosspay')) {
      return 'pay_method must be ' + (issues ? 'tosspay' : PAY_METHODS.join(', '));
    }
    if (!absent(params.amount) && !(Number.isInteger(params.amount) && params.amount >= (issues ? 0 : 1))) {
      return 'amount must be a whole number above 0';
    }
    if (params.card && !absent(params.card.useInstallment) && typeof params.card.useInstallment !== 'boolean') {
      return 'card.useInstallment must be a boolean';
    }
    return null;
  }

  function onPhone(params) {
    return params.popup === false || /Mobi|Android|iPhone|iPad/i.test(navigator.userAgent) || window.innerWidth < NARROW;
  }

  // address is the window with all parameters: numbers and strings as they are,
  // objects as JSON, a list as several.
  function address(params, mode) {
    var query = new URLSearchParams();
    query.set('userCode', userCode);
    query.set('mode', mode);
    query.set('origin', window.location.origin);
    Object.keys(params).forEach(function (name) {
      var value = params[name];
      if (absent(value) || name === 'popup') {
        return;
      }
      (Array.isArray(value) && name === 'notice_url' ? value : [value]).forEach(function (one) {
        query.append(name, typeof one === 'object' || name === 'custom_data' ? JSON.stringify(one) : String(one));
      });
    });
    return windowURL.href + '?' + query.toString();
  }

  // openPopup calls back when the popup posts its result. A popup that is
  // closed before that never calls back, though it may have paid.
  function openPopup(params, answer) {
    var popup = window.open(address(params, 'popup'), '_blank', 'width=480,height=760');
    if (!popup) {
      answer('POPUP_BLOCKED', 'the popup was blocked; call request_pay in a click handler');
      return;
    }
    window.addEventListener('message', function receive(event) {
      if (event.source !== popup || event.origin !== windowURL.origin || !event.data || event.data.type !== 'portone-simulator') {
        return;
      }
      window.removeEventListener('message', receive);
      answer(event.data.result);
    });
  }

  // answerer makes the function that calls back, with a result or an error.
  function answerer(params, callback) {
    return function (resultOrCode, message) {
      var result = resultOrCode;
      if (typeof resultOrCode === 'string') { // our choice of words; null as in published traces
        result = { imp_uid: null, merchant_uid: params.merchant_uid, error_code: resultOrCode, error_msg: message };
      }
      if (typeof callback === 'function') {
        Promise.resolve(result).then(callback);
      } else if (result.error_code) {
        console.error('IMP.request_pay: ' + result.error_msg);
      }
    };
  }

  function init(code) {
    if (typeof code !== 'string' || code === '') {
      throw new Error('IMP.init needs the user code');
    }
    userCode = code;
  }

  window.IMP = {
    init: init,
    agency: function (code) {
      init(code); // the tier of a sub-merchant is not simulated
    },
    request_pay: function (params, callback) {
      if (userCode === null) {
        throw new Error('call IMP.init first');
      }
      if (typeof params !== 'object' || params === null) {
        throw new Error('IMP.request_pay needs an object');
      }
      var answer = answerer(params, callback);
      var wrong = problem(params);
      if (wrong) {
        answer('INVALID_PARAMETER', wrong);
      } else if (!onPhone(params)) {
        openPopup(params, answer);
      } else if (!params.m_redirect_url) {
        answer('INVALID_PARAMETER', 'm_redirect_url is required on a phone');
      } else {
        window.location.assign(address(params, 'redirect'));
      }
    },
  };
})();
