// The shape of the Toss Payments SDK V2 (https://js.tosspayments.com/v2/standard,
// types of @tosspayments/tosspayments-sdk 2.8.1), for card payments with a
// redirect. It checks its parameters as far as that is documented and then
// leads to the simulated window.
(function () {
  'use strict';

  var windowURL = new URL('../window', document.currentScript.src);
  var ANONYMOUS = '@@ANONYMOUS';

  // PublicError of the SDK. The names are documented; that the code is the name
  // in capitals is our choice.
  function publicError(name, message) {
    var error = new Error(message);
    error.name = name;
    error.code = name.replace(/Error$/, '').replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase();
    return error;
  }

  function isText(value, min, max) {
    return typeof value === 'string' && value.length >= min && value.length <= max;
  }

  function absent(value) {
    return value === undefined || value === null;
  }

  function hasOrigin(value) {
    try {
      return /^https?:$/.test(new URL(value).protocol);
    } catch (e) {
      return false;
    }
  }

  // problem returns the error of a request, or null.
  function problem(request) {
    if (typeof request !== 'object' || request === null) {
      return publicError('InvalidParametersError', 'requestPayment needs an object');
    }
    if (request.method !== 'CARD') {
      return publicError('NotSupportedMethodError', 'the simulator has method CARD only');
    }
    return amountProblem(request.amount) || orderProblem(request) || redirectProblem(request) || cardProblem(request.card);
  }

  function amountProblem(amount) {
    if (!amount || typeof amount.value !== 'number' || !isFinite(amount.value)) {
      return publicError('InvalidAmountValueError', 'amount.value must be a number');
    }
    if (amount.value <= 0) {
      return publicError('BelowZeroAmountError', 'amount.value must be above 0');
    }
    if (['KRW', 'USD', 'JPY'].indexOf(amount.currency) < 0) {
      return publicError('InvalidAmountCurrencyError', 'amount.currency must be KRW, USD or JPY');
    }
    if (amount.currency !== 'USD' && Math.floor(amount.value) !== amount.value) {
      return publicError('InvalidAmountValueError', 'amount.value must be a whole number');
    }
    return null;
  }

  function orderProblem(request) {
    if (typeof request.orderId !== 'string' || !/^[A-Za-z0-9_=-]{6,64}$/.test(request.orderId)) {
      return publicError('InvalidParametersError', 'orderId must be 6 to 64 of A-Z a-z 0-9 _ - =');
    }
    if (!isText(request.orderName, 1, 100)) {
      return publicError('InvalidParametersError', 'orderName must have 1 to 100 characters');
    }
    if (!absent(request.customerName) && !isText(request.customerName, 0, 100)) {
      return publicError('InvalidParametersError', 'customerName must have at most 100 characters');
    }
    if (!absent(request.customerEmail) && !isText(request.customerEmail, 0, 100)) {
      return publicError('InvalidParametersError', 'customerEmail must have at most 100 characters');
    }
    if (!absent(request.customerMobilePhone) && !/^[0-9]{8,15}$/.test(request.customerMobilePhone)) {
      return publicError('InvalidParametersError', 'customerMobilePhone must be 8 to 15 digits');
    }
    if (!absent(request.windowTarget) && ['iframe', 'self'].indexOf(request.windowTarget) < 0) {
      return publicError('InvalidParametersError', 'windowTarget must be iframe or self');
    }
    return null;
  }

  function redirectProblem(request) {
    if (absent(request.successUrl) && absent(request.failUrl)) {
      return publicError('NotSupportedPromiseError', 'the simulator has the redirect form only');
    }
    if (!hasOrigin(request.successUrl)) {
      return publicError('IncorrectSuccessUrlFormatError', 'successUrl must contain an origin');
    }
    if (!hasOrigin(request.failUrl)) {
      return publicError('IncorrectFailUrlFormatError', 'failUrl must contain an origin');
    }
    return null;
  }

  function cardProblem(card) {
    if (absent(card)) {
      return null;
    }
    if (!absent(card.language) && ['KO', 'EN', 'JA', 'ZH'].indexOf(card.language) < 0) {
      return publicError('InvalidParametersError', 'card.language must be KO, EN, JA or ZH');
    }
    if (!absent(card.useInternationalCardOnly) && typeof card.useInternationalCardOnly !== 'boolean') {
      return publicError('InvalidParametersError', 'card.useInternationalCardOnly must be true or false');
    }
    if (card.useInternationalCardOnly && card.flowMode === 'DIRECT') {
      return publicError('InvalidParametersError', 'foreign cards cannot be opened with flowMode DIRECT');
    }
    return null;
  }

  function open(clientKey, request) {
    var query = new URLSearchParams();
    query.set('orderId', request.orderId);
    query.set('orderName', request.orderName);
    query.set('amount', String(request.amount.value));
    query.set('currency', request.amount.currency);
    query.set('successUrl', request.successUrl);
    query.set('failUrl', request.failUrl);
    query.set('language', (request.card && request.card.language) || 'KO');
    query.set('clientKey', clientKey);
    window.location.assign(windowURL.href + '?' + query.toString());
  }

  function TossPayments(clientKey) {
    if (!isText(clientKey, 1, 200)) {
      throw publicError('InvalidParametersError', 'clientKey is missing');
    }
    return {
      payment: function (options) {
        var customerKey = options && options.customerKey;
        if (customerKey !== ANONYMOUS && !(isText(customerKey, 2, 50) && /^[A-Za-z0-9\-_=.@]+$/.test(customerKey))) {
          throw publicError('InvalidParametersError', 'customerKey must be TossPayments.ANONYMOUS or 2 to 50 of A-Z a-z 0-9 - _ = . @');
        }
        return {
          requestPayment: function (request) {
            var error = problem(request);
            if (error) {
              return Promise.reject(error);
            }
            open(clientKey, request);
            return new Promise(function () {}); // the page is being left
          },
          requestBillingAuth: function () {
            return Promise.reject(publicError('NotSupportedMethodError', 'the simulator has no billing'));
          },
          destroy: function () {
            return Promise.resolve();
          },
        };
      },
    };
  }

  TossPayments.ANONYMOUS = ANONYMOUS;
  window.TossPayments = TossPayments;
})();
