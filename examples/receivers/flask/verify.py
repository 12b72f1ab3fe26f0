"""Whether a body was signed with one of our secrets, in both ways that it can be."""

import hmac
import json

from standardwebhooks import Webhook


def is_standard(body, headers, secrets):
    """By the official library. Several secrets hold while one replaces another."""
    return any(verifies(webhook_of(secret), body, headers) for secret in secrets)


def verifies(webhook, body, headers):
    try:
        webhook.verify(body, dict(headers), json_parse=False)
    except Exception:  # The library has errors of its own, and Python's for malformed headers.
        return False
    return True


def webhook_of(secret):
    # The library takes every text for base64; our secrets without the prefix are plain text.
    return Webhook(secret if secret.startswith("whsec_") else secret.encode())


def is_documented(body, headers, secrets):
    """X-Webhook-Signature by hand. It has no time in it: a copied request stays valid for ever."""
    # As bytes: texts are compared only where both are ASCII, and anyone may send anything.
    signature = headers.get("X-Webhook-Signature", "").encode()
    return any(
        hmac.compare_digest(b"sha256=" + digest_of(body, secret), signature) for secret in secrets
    )


def digest_of(body, secret):
    return hmac.digest(secret.encode(), body, "sha256").hex().encode()


def event_id_of(body):
    """None where what was signed is no event: then its sender is not Posthorn."""
    try:
        event_id = json.loads(body)["id"]
    except (ValueError, KeyError, TypeError):
        return None
    return event_id if isinstance(event_id, str) and event_id else None
