"""A shop in one file: sell, let the buyer pay, ship when the API says paid. Python 3.10 or later.

    make run                                 # in another terminal, with ARGS="-merchant-webhook http://127.0.0.1:4000/webhook" to be told
    WEBHOOK_SECRET=whsec_... python3 shop.py # then open http://127.0.0.1:4000

Against a deployment: TOSSPAY_API=https://... AWS_REGION=ap-northeast-2 and credentials in the environment; then `pip install botocore`
first, because requests are signed.
"""

import base64
import hashlib
import hmac
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit

API = os.environ.get("TOSSPAY_API", "http://127.0.0.1:3000")
WEBHOOK_SECRET = os.environ.get("WEBHOOK_SECRET", "")
RETURN_URL = os.environ.get("RETURN_URL", "https://shop.example/thanks")  # must be on the deployment's ReturnUrlAllowList
shipped, members, told = set(), set(), set()  # your database: orders, subscriptions that run, ids of events you have had


def call(method, path, body=None):
    """Makes one signed request. Every operation may be retried: the ids and the Idempotency-Key make a repeated request the same request."""
    data = None if body is None else json.dumps(body).encode()
    headers = {} if body is None else {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
    for attempt in range(1, 5):
        request = urllib.request.Request(API + path, data, signed(method, API + path, headers, data), method=method)
        try:
            with urllib.request.urlopen(request, timeout=35) as response:
                return json.load(response)
        except urllib.error.HTTPError as refusal:
            if attempt == 4 or refusal.code != 429 and refusal.code < 500:
                raise RuntimeError(f"{method} {path}: {refusal.code} {refusal.read().decode()}") from refusal
        except OSError:
            if attempt == 4:
                raise
        time.sleep(0.2 * 2**attempt * random.uniform(0.5, 1.5))


def signed(method, url, headers, data):
    if "AWS_ACCESS_KEY_ID" not in os.environ:
        return headers  # the local run
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    keys = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN"))
    request = AWSRequest(method, url, headers, data)
    SigV4Auth(keys, "execute-api", os.environ["AWS_REGION"]).add_auth(request)
    return dict(request.headers)


def ship(order_id):
    """Asks, whoever says that the order is paid: the buyer's return and the webhook are only hints. It ships once, and stops the parcel of an
    order that was refunded in full, wherever that was done."""
    order = call("GET", "/orders/" + quote(order_id, safe=""))
    if order["status"] == "paid":
        shipped.add(order_id)
    if order["status"] == "refunded":
        shipped.discard(order_id)
    return order["status"]


def serve(subscription_id):
    """Asks whether a subscription runs. One that is past due is charged again in days; one that is suspended is not charged at all."""
    status = call("GET", "/subscriptions/" + quote(subscription_id, safe=""))["status"]
    if status in ("active", "past_due"):
        members.add(subscription_id)
    else:
        members.discard(subscription_id)


def verified(headers, body):
    """Checks a webhook after the Standard Webhooks specification. More than one signature may come, during a change of the secret."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not WEBHOOK_SECRET or not timestamp.isdigit() or abs(time.time() - int(timestamp)) > 300:
        return False
    key = base64.b64decode(WEBHOOK_SECRET.removeprefix("whsec_"))
    want = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    signatures = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(s, "v1," + base64.b64encode(want).decode()) for s in signatures)


class Shop(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/":
            self.page(
                "<h1>T-shirt, 15,000 won</h1><form method=post action=/buy><button>Buy</button></form>"
                "<form method=post action=/subscribe><button>Letters, 9,900 won a month</button></form>"
            )
        elif url.path == "/thanks":  # the address proves nothing
            status = ship(parse_qs(url.query).get("orderId", [""])[0])
            self.page("<h1>Thank you. It is on its way.</h1>" if status == "paid" else "<h1>Your payment is being checked.</h1>")
        elif url.path in ("/shipped", "/members", "/told"):
            self.answer(200, json.dumps(sorted({"/shipped": shipped, "/members": members, "/told": told}[url.path])), "application/json")
        else:
            self.answer(404, "no such page")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/buy":
            order_id = "shop-" + str(uuid.uuid4())[:18]  # store it with the cart first: after a crash the same id is the same order
            order = {"orderId": order_id, "provider": "toss", "amount": 15000, "currency": "KRW", "name": "T-shirt", "returnUrl": RETURN_URL}
            self.go(call("POST", "/orders", order)["checkoutUrl"])
        elif self.path == "/subscribe":
            plan = {"amount": 9900, "currency": "KRW", "name": "Letters", "interval": "month"}
            wish = {"customerId": "customer-1", "plan": plan, "returnUrl": RETURN_URL}
            self.go(call("POST", "/subscriptions", wish)["checkoutUrl"])
        elif self.path == "/webhook":
            if not verified(self.headers, body):
                self.answer(400, "wrong signature")
                return
            event = json.loads(body)
            if event["id"] not in told:  # an event may come twice, and events may overtake each other: it says where to look
                if event["type"].startswith("order."):
                    ship(event["data"]["orderId"])
                if event["type"].startswith("subscription."):
                    serve(event["data"]["subscriptionId"])
                told.add(event["id"])
            self.answer(204, "")
        else:
            self.answer(404, "no such page")

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except Exception as error:  # a webhook that gets this is sent again
            print(error, file=sys.stderr)
            self.answer(500, "try again")

    def page(self, text):
        self.answer(200, '<!doctype html><meta name=viewport content="width=device-width">' + text, "text/html; charset=utf-8")

    def go(self, to):
        self.send_response(303)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer(self, status, text, kind="text/plain"):
        self.send_response(status)
        if text:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "4000"))), Shop)
print(f"shop at http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
