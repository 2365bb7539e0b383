"""A merchant, a buyer and the providers at the deployed API of one stack."""

import http.client
import json
import re
import urllib.parse

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from stage import REGION, expect, get


class Api:
    """The deployed HTTP API under its own host name, at the emulator's address."""

    def __init__(self, emulator: str, id: str):
        self._address = emulator.removeprefix("http://")
        self.host = f"{id}.execute-api.{REGION}.amazonaws.com"

    def request(self, method: str, path: str, body: str = "", headers: dict | None = None, signed: bool = False):
        """Status, headers and text. A path may also be a whole address of this API."""
        if "://" in path:
            address = urllib.parse.urlsplit(path)
            expect(address.hostname == self.host, f"{path} is not an address of the API {self.host}")
            path = address.path + (f"?{address.query}" if address.query else "")
        headers = {"Host": self.host} | (headers or {})
        if body:
            headers.setdefault("Content-Type", "application/json")
        if signed:
            request = AWSRequest(method=method, url=f"https://{self.host}{path}", data=body, headers=headers)
            SigV4Auth(Credentials("test", "test"), "execute-api", REGION).add_auth(request)
            headers = dict(request.headers.items())
        connection = http.client.HTTPConnection(self._address, timeout=60)
        connection.request(method, path, body.encode() or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()

    def want(self, status: int, method: str, path: str, body: dict | str = "", **more) -> str:
        """The text of an answer with that status; anything else fails the rehearsal, with the cause when the emulator knows one."""
        text = body if isinstance(body, str) else json.dumps(body)
        got, headers, answer = self.request(method, path, text, **more)
        if got != status:
            cause = headers.get("X-Rehearsal-Cause", "")
            expect(False, f"{method} {path}: {got}, want {status}: {answer[:500]} {cause}")
        return answer

    def merchant(self, status: int, method: str, path: str, body: dict | str = "") -> dict:
        return json.loads(self.want(status, method, path, body, signed=True))


def follow(api: Api, location: str) -> str:
    """What the buyer's browser shows in the end: our return answers with a page, or leads to one of ours."""
    for _ in range(5):
        status, headers, text = api.request("GET", location)
        if status not in (302, 303):
            expect(status == 200, f"GET {location}: {status} {text[:300]} {headers.get('X-Rehearsal-Cause', '')}")
            return text
        location = urllib.parse.urljoin(f"https://{api.host}/", headers["Location"])
    expect(False, f"{location}: redirects without end")


def press(providers: str, provider: str, form: dict) -> str:
    """Where the simulated window sends the buyer."""
    connection = http.client.HTTPConnection(providers.removeprefix("http://"), timeout=30)
    body = urllib.parse.urlencode(form)
    connection.request("POST", f"/sim/{provider}/window", body, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    text = answer.read().decode()
    expect(answer.status == 303, f"the {provider} window answers {answer.status}: {text[:500]}")
    return answer.headers["Location"]


def pay_toss(api: Api, providers: str, id: str):
    body = {"orderId": id, "provider": "toss", "amount": 15000, "currency": "KRW", "name": "T-shirt", "toss": {"useInternationalCardOnly": True}}
    order = api.merchant(201, "POST", "/orders", body)
    expect(api.merchant(200, "POST", "/orders", body)["checkoutUrl"] == order["checkoutUrl"], "the same order again is another order")
    expect("TossPayments" in api.want(200, "GET", order["checkoutUrl"]), "the payment page has no TossPayments script")
    window = order["window"]
    location = press(providers, "toss", {
        "orderId": window["orderId"], "orderName": window["orderName"], "amount": 15000, "currency": "KRW",
        "successUrl": window["successUrl"], "failUrl": window["failUrl"], "outcome": "approve",
    })
    _paid(api, providers, id, 15000, follow(api, location))


def pay_portone(api: Api, providers: str, id: str):
    body = {"orderId": id, "provider": "portone", "amount": 12000, "currency": "KRW", "name": "T-shirt"}
    window = api.merchant(201, "POST", "/orders", body)["window"]
    form = {name: window[name] for name in ("pg", "merchant_uid", "name", "amount", "m_redirect_url", "notice_url")}
    _paid(api, providers, id, 12000, follow(api, press(providers, "portone", form | {"mode": "redirect", "outcome": "approve"})))


def _paid(api: Api, providers: str, id: str, amount: int, page: str):
    title = re.search(r"<title>(.*?)</title>", page, re.S)
    expect(title and title[1] == "결제가 완료되었습니다", f"{id}: the buyer sees {title and title[1]!r}")
    read = api.merchant(200, "GET", f"/orders/{id}")
    expect(read["status"] == "paid", f"{id}: the order is {read['status']}")
    expect(captures(providers, id) == [amount], f"{id}: the ledger has the captures {captures(providers, id)}, want one of {amount}")


def captures(providers: str, id: str) -> list[int]:
    """What the provider took for an order."""
    entries = json.loads(get(providers + "/sim/ledger"))["entries"] or []
    return [entry["amount"] for entry in entries if entry["kind"] == "capture" and entry["orderId"].split("--")[0] == id.split("--")[0]]


def send_webhooks(api: Api, providers: str, token: str) -> int:
    """What the providers have to say, to the deployed addresses: the simulated providers themselves reach no other machine."""
    deliveries = json.loads(get(providers + "/sim/webhooks"))["deliveries"]
    for each in deliveries:
        address = urllib.parse.urlsplit(each["url"])  # of the payment window, or else the one that the merchant registers
        path = address.path if address.hostname == api.host else f"/webhooks/{each['provider']}/{token}"
        headers = {"Content-Type": each["contentType"]}
        api.want(200, "POST", path, each["body"], headers=headers)
        api.want(404, "POST", f"{path.rpartition('/')[0]}/{'x' * 26}", each["body"], headers=headers)
    return len(deliveries)


def subscribe(api: Api, providers: str, id: str):
    """A subscription with a billing key, due for its first charge."""
    plan = {"amount": 9900, "currency": "KRW", "name": "Letters", "interval": "month"}
    window = api.merchant(201, "POST", "/subscriptions", {"subscriptionId": id, "customerId": "customer-1", "plan": plan})["window"]
    names = ("pg", "merchant_uid", "customer_uid", "customer_id", "name", "m_redirect_url", "notice_url")
    form = {name: window[name] for name in names} | {"mode": "redirect", "outcome": "approve"}
    follow(api, press(providers, "portone", form))
    read = api.merchant(200, "GET", f"/subscriptions/{id}")
    expect(read["status"] == "active", f"{id}: the subscription is {read['status']}")
