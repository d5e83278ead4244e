"""`python -m tests.support.servers.identity_provider PORT BACK`: Canaille, a real identity provider, with two people.

It keeps everything in memory, and serves plain http on this machine alone.
"""

import sys

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from werkzeug.serving import run_simple

CLIENT_ID, CLIENT_SECRET = "placet-console", "a secret for tests"
PASSWORD = "correct horse battery staple"
PEOPLE = ("olga", "eve")


def serve(port: int, back: str) -> None:
    """Serve until the process is stopped. `back` is where it sends browsers back to."""
    app = create_app(
        {
            "SECRET_KEY": "sixty-four characters that nobody needs to keep, for tests alone",
            "SERVER_NAME": f"localhost:{port}",
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False, "HTMX": False, "ADMIN_EMAIL": None},
            "CANAILLE_OIDC": {"TRUSTED_DOMAINS": ["localhost"]},
        }
    )
    with app.app_context(), Backend.instance.session():
        for name in PEOPLE:
            address = f"{name}@operator.example"
            person = models.User(
                user_name=name, family_name=name, formatted_name=name, emails=[address], password=PASSWORD
            )
            Backend.instance.save(person)
        client = models.Client(
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            client_name="Placet",
            client_uri=back,
            redirect_uris=[back],
            post_logout_redirect_uris=[back.removesuffix("/identity/back")],
            grant_types=["authorization_code"],
            response_types=["code"],
            scope=["openid"],
            token_endpoint_auth_method="client_secret_basic",
        )
        Backend.instance.save(client)
        client.audience = [client]
        Backend.instance.save(client)
    run_simple("127.0.0.1", port, app, threaded=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
