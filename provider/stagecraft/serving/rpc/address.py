"""Where gRPC is spoken, and with which certificate."""

from __future__ import annotations

import socket
import ssl

from stagecraft.errors import InvalidInputError
from stagecraft.serving.settings import Settings


def tls(settings: Settings) -> ssl.SSLContext | None:
    """Return the context of a service with a certificate; None where it has none.

    :raises InvalidInputError: a file cannot be read, or holds something else
    """
    if settings.grpc_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    certificate, key, authority = settings.grpc_certificate, settings.grpc_key, settings.grpc_client_ca
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # Those of the module ssl are among them.
        found = f"{certificate} and {key} cannot be taken ({error})"
        raise InvalidInputError("serving.grpc_certificate", found, "PEM files of a pair") from error
    if authority is not None:
        try:
            context.load_verify_locations(authority)
        except OSError as error:
            found = f"{authority} cannot be taken ({error})"
            raise InvalidInputError("serving.grpc_client_ca", found, "a PEM file of certificates") from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def check(settings: Settings) -> None:
    """Refuse what no worker could listen with. Workers share the port, so none of them would see that another
    service has it.

    :raises InvalidInputError: the port is taken, or the certificate no good
    """
    if settings.grpc_port is None:
        return
    tls(settings)
    family = socket.AF_INET6 if ":" in settings.grpc_host else socket.AF_INET
    with socket.socket(family) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((settings.grpc_host, settings.grpc_port))
        except OSError as error:
            where = f"{settings.grpc_host}:{settings.grpc_port}"
            raise InvalidInputError(
                "serving.grpc_port", f"{where} cannot be listened on ({error})", "another port"
            ) from error
