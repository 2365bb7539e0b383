// A shop in one file: sell, let the buyer pay, ship when the API says paid. Node 20 or later.
//
//   make run                                      # in another terminal, with ARGS="-merchant-webhook http://127.0.0.1:4000/webhook" to be told
//   WEBHOOK_SECRET=whsec_... node shop.mjs        # then open http://127.0.0.1:4000
//
// Against a deployment: TOSSPAY_API=https://... AWS_REGION=ap-northeast-2 and credentials in the environment; then `npm install` first,
// because requests are signed.
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

const api = process.env.TOSSPAY_API ?? 'http://127.0.0.1:3000'
const webhookSecret = process.env.WEBHOOK_SECRET ?? ''
const returnUrl = process.env.RETURN_URL ?? 'https://shop.example/thanks' // must be on the deployment's ReturnUrlAllowList
const shipped = new Set(), members = new Set(), told = new Set() // your database: orders, subscriptions that run, ids of events you have had

// call makes one signed request. Every operation may be retried: the ids and the Idempotency-Key make a repeated request the same request.
async function call(method, path, body, key = randomUUID()) {
  const url = new URL(path, api)
  const text = body === undefined ? undefined : JSON.stringify(body)
  const headers = text === undefined ? {} : { 'Content-Type': 'application/json', 'Idempotency-Key': key }
  for (let attempt = 1; ; attempt++) {
    let response
    try {
      response = await fetch(url, { method, headers: await signed(method, url, headers, text), body: text, signal: AbortSignal.timeout(35_000) })
    } catch (lost) {
      if (attempt === 4) throw lost
    }
    if (response?.ok) return response.json()
    if (response && (attempt === 4 || response.status !== 429 && response.status < 500)) {
      throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    }
    await new Promise(resolve => setTimeout(resolve, 200 * 2 ** attempt * (0.5 + Math.random())))
  }
}

async function signed(method, url, headers, body) {
  if (!process.env.AWS_ACCESS_KEY_ID) return headers // the local run
  const { default: aws4 } = await import('aws4')
  return aws4.sign({
    service: 'execute-api', region: process.env.AWS_REGION, host: url.host, method, path: url.pathname + url.search, headers, body,
  }).headers
}

// ship asks, whoever says that the order is paid: the buyer's return and the webhook are only hints. It ships once, and stops the parcel of an order
// that was refunded in full, wherever that was done.
async function ship(orderId) {
  const order = await call('GET', '/orders/' + encodeURIComponent(orderId))
  if (order.status === 'paid') shipped.add(orderId)
  if (order.status === 'refunded') shipped.delete(orderId)
  return order.status
}

// serve asks whether a subscription runs. One that is past due is charged again in days; one that is suspended is not charged at all.
async function serve(subscriptionId) {
  const { status } = await call('GET', '/subscriptions/' + encodeURIComponent(subscriptionId))
  if (status === 'active' || status === 'past_due') members.add(subscriptionId)
  else members.delete(subscriptionId)
}

// verified checks a webhook after the Standard Webhooks specification. More than one signature may come, during a change of the secret.
function verified(headers, body) {
  const id = headers['webhook-id'], timestamp = headers['webhook-timestamp']
  if (!webhookSecret || !id || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return false
  const key = Buffer.from(webhookSecret.replace(/^whsec_/, ''), 'base64')
  const want = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest()
  return (headers['webhook-signature'] ?? '').split(' ').some(signature => {
    const [version, text] = signature.split(',')
    const got = Buffer.from(text ?? '', 'base64')
    return version === 'v1' && got.length === want.length && timingSafeEqual(got, want)
  })
}

const page = text => ({ status: 200, type: 'text/html; charset=utf-8', body: `<!doctype html><meta name=viewport content="width=device-width">${text}` })
const list = set => ({ status: 200, type: 'application/json', body: JSON.stringify([...set]) })
const go = to => ({ status: 303, location: to })

const routes = {
  'GET /': () => page(`<h1>T-shirt, 15,000 won</h1><form method=post action=/buy><button>Buy</button></form>
    <form method=post action=/subscribe><button>Letters, 9,900 won a month</button></form>`),
  'POST /buy': async () => {
    const orderId = 'shop-' + randomUUID().slice(0, 18) // store it with the cart first: after a crash the same id is the same order
    const order = await call('POST', '/orders', { orderId, provider: 'toss', amount: 15000, currency: 'KRW', name: 'T-shirt', returnUrl })
    return go(order.checkoutUrl)
  },
  'POST /subscribe': async () => {
    const plan = { amount: 9900, currency: 'KRW', name: 'Letters', interval: 'month' }
    return go((await call('POST', '/subscriptions', { customerId: 'customer-1', plan, returnUrl })).checkoutUrl)
  },
  'GET /thanks': async request => { // the address proves nothing
    const status = await ship(request.query.get('orderId'))
    return page(status === 'paid' ? '<h1>Thank you. It is on its way.</h1>' : '<h1>Your payment is being checked.</h1>')
  },
  'POST /webhook': async request => {
    if (!verified(request.headers, request.body)) return { status: 400, type: 'text/plain', body: 'wrong signature' }
    const event = JSON.parse(request.body)
    if (told.has(event.id)) return { status: 204 } // an event may come twice, and events may overtake each other: it says where to look
    if (event.type.startsWith('order.')) await ship(event.data.orderId)
    if (event.type.startsWith('subscription.')) await serve(event.data.subscriptionId)
    told.add(event.id)
    return { status: 204 }
  },
  'GET /shipped': () => list(shipped),
  'GET /members': () => list(members),
  'GET /told': () => list(told),
}

createServer(async (incoming, outgoing) => {
  let answer
  try {
    const url = new URL(incoming.url, 'http://shop')
    const chunks = []
    for await (const chunk of incoming) chunks.push(chunk)
    const route = routes[incoming.method + ' ' + url.pathname] ?? (() => ({ status: 404, type: 'text/plain', body: 'no such page' }))
    answer = await route({ query: url.searchParams, headers: incoming.headers, body: Buffer.concat(chunks) })
  } catch (error) {
    console.error(error)
    answer = { status: 500, type: 'text/plain', body: 'try again' } // a webhook that gets this is sent again
  }
  outgoing.writeHead(answer.status, { ...(answer.type && { 'Content-Type': answer.type }), ...(answer.location && { Location: answer.location }) })
  outgoing.end(answer.body)
}).listen(Number(process.env.PORT ?? 4000), '127.0.0.1', function () { console.log('shop at http://127.0.0.1:' + this.address().port) })
