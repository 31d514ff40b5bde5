"""moto's server behind a door that lets in only what is signed as it must be.

moto itself checks no signature. This computes that of each request again, by botocore, from the secret
in CALCO_TEST_SECRET. The test's own requests have a header instead, and boto3,
which we are compared with, may come as it is. Usage: signed_moto.py PORT
"""

import hmac
import os
import sys
import time
from calendar import timegm
from urllib.parse import parse_qsl, unquote

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import run_simple

SECRET = os.environ["CALCO_TEST_SECRET"]
OWN = "AWS4-HMAC-SHA256 Credential=a/20200101/us-east-1/s3/aws4_request"


def problem(environ):
    """What is wrong with the signature; None when nothing is."""
    client = environ.get("HTTP_USER_AGENT", "").startswith("Boto3/")
    if environ.get("HTTP_AUTHORIZATION") == OWN or client:
        return None
    path, _, query = environ["REQUEST_URI"].partition("?")
    pairs = [pair for pair in query.split("&") if pair]
    told = dict(parse_qsl(query, keep_blank_values=True))
    signature = told.get("X-Amz-Signature")
    if signature is None:
        return "AccessDenied"
    key, date, region, service, kind = told["X-Amz-Credential"].split("/")
    stamp = told["X-Amz-Date"]
    begins = timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    if not begins - 900 <= time.time() <= begins + int(told["X-Amz-Expires"]):
        return "AccessDenied"
    if (service, kind) != ("s3", "aws4_request") or not stamp.startswith(date):
        return "SignatureDoesNotMatch"
    rest = "&".join(pair for pair in pairs if not pair.startswith("X-Amz-Signature="))
    headers = {}
    for name in unquote(told["X-Amz-SignedHeaders"]).split(";"):
        variable = name.upper().replace("-", "_")
        headers[name] = environ.get("HTTP_" + variable) or environ.get(variable)
    url = f"http://{environ['HTTP_HOST']}{path}?{rest}"
    request = AWSRequest(method=environ["REQUEST_METHOD"], url=url, headers=headers)
    request.context["timestamp"] = stamp
    auth = S3SigV4QueryAuth(Credentials(key, SECRET), service, region)
    canonical = auth.canonical_request(request)
    expected = auth.signature(auth.string_to_sign(request, canonical), request)
    return None if hmac.compare_digest(expected, signature) else "SignatureDoesNotMatch"


class Door:
    def __init__(self, inside):
        self.inside = inside

    def __call__(self, environ, start_response):
        wrong = problem(environ)
        if wrong is None:
            return self.inside(environ, start_response)
        # What was sent has to be taken, or the client sees a broken connection.
        remaining = int(environ.get("CONTENT_LENGTH") or 0)
        while remaining > 0:
            taken = len(environ["wsgi.input"].read(min(remaining, 1 << 20)))
            if taken == 0:
                break
            remaining -= taken
        body = f"<Error><Code>{wrong}</Code><Message>The door is closed.</Message></Error>".encode()
        length = ("Content-Length", str(len(body)))
        start_response("403 Forbidden", [("Content-Type", "application/xml"), length])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def main():
    port = int(sys.argv[1])
    os.environ.setdefault("MOTO_PORT", str(port))
    inside = DomainDispatcherApplication(create_backend_app)
    inside.debug = True
    run_simple("127.0.0.1", port, Door(inside), threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main()
