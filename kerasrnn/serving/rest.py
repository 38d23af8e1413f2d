"""TF Serving's REST interface.

POST /v1/models/NAME[/versions/V]:predict     GET /v1/models/NAME[/versions/V]     GET …/metadata
"""

import asyncio
import json
import logging
import math
import re

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from google.protobuf import json_format

from kerasrnn.serving import status, tensors
from kerasrnn.serving.desk import Desk
from kerasrnn.serving.refusal import HTTP, Refusal, invalid

PLACE = r"(?i)/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
ASKED = re.compile(PLACE + ":(?P<verb>predict|classify|regress)")
SHOWN = re.compile(PLACE + "(?P<metadata>/metadata)?")


def application(desk: Desk) -> web.Application:
    """The HTTP application on a desk."""

    async def handle(request: web.Request) -> web.Response:
        return _json(await _answer(desk, request))

    app = web.Application(middlewares=[_refusals], client_max_size=desk.limits.size)
    app.router.add_route("*", "/{path:.*}", handle)
    return app


def _json(value: dict, code: int = 200) -> web.Response:
    return web.json_response(value, status=code, dumps=_dumps)


def _dumps(value) -> str:
    return json.dumps(value, ensure_ascii=False)


@web.middleware
async def _refusals(request: web.Request, handler) -> web.StreamResponse:
    """Every refusal as {"error": why}, the server's own included."""
    try:
        return await handler(request)
    except Refusal as refused:
        return _json({"error": refused.message}, HTTP[refused.code])
    except web.HTTPRequestEntityTooLarge as refused:
        answer = _json({"error": refused.text}, refused.status)
        answer.force_close()  # the rest of the body is not read
        return answer
    except web.HTTPException as refused:
        return _json({"error": refused.text or refused.reason}, refused.status)


async def _answer(desk: Desk, request: web.Request) -> dict:
    path = request.path
    if not path.lower().startswith("/v1/"):
        raise Refusal("NOT_FOUND", f"Not found: {request.method} {path}")
    async with desk.place():
        if request.method == "POST" and (match := ASKED.fullmatch(path)):
            return await _predict(desk, request, match)
        if request.method == "GET" and (match := SHOWN.fullmatch(path)):
            return _show(desk, match)
        if request.method == "GET" and path.lower() == "/v1/models":
            raise invalid("Missing model name in request.")
    raise invalid(f"Malformed request: {request.method} {path}")


def _number(match: re.Match) -> int | None:
    if match["version"] is None:
        return None
    if len(match["version"]) > 18:
        raise invalid(f"Failed to convert version: {match['version']} to numeric.")
    return int(match["version"])


async def _predict(desk: Desk, request: web.Request, match: re.Match) -> dict:
    document = await _document(desk, request)
    version = desk.shelf.find(match["name"], _number(match), match["label"])
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid("'signature_name' key must be a string value.")
    signature = desk.signature(version, name, "INVALID_ARGUMENT")
    if match["verb"].lower() != "predict":
        method = version.definitions.signature_def[signature.name].method_name
        raise invalid(f"Expected a signature to {match['verb']}, its method_name is {method}.")
    kinds = {name: spec.kind for name, spec in signature.inputs.items()}
    inputs, rows = tensors.read(document, kinds)
    return tensors.written(await desk.answer(signature, inputs), rows)


async def _document(desk: Desk, request: web.Request) -> dict:
    if (request.content_length or 0) > desk.limits.size:
        raise web.HTTPRequestEntityTooLarge(desk.limits.size, request.content_length)
    try:
        body = await request.read()
    except (ConnectionError, web.RequestPayloadError) as error:  # cut off, or chunked wrongly
        raise invalid(f"The request's body did not come: {error}") from None
    document = _parsed(body)
    if not isinstance(document, dict):
        raise invalid("A request must be a JSON object.")
    return document


def _parsed(body: bytes):
    try:
        return orjson.loads(body)
    except ValueError:  # no JSON, or only the standard library's, which has NaN
        pass
    try:
        return json.loads(body, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from None


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("Number too big to be stored in double.")
    return number


def _show(desk: Desk, match: re.Match) -> dict:
    name, number = match["name"], _number(match)
    if match["metadata"] or match["label"]:
        version = desk.shelf.find(name, number, match["label"])
        spec = {"name": name, "signature_name": "", "version": str(version.number)}
        signatures = _plain(status.definitions(version))
        return {"model_spec": spec, "metadata": {"signature_def": signatures}}
    return _plain(status.status(desk.shelf.states(name, number)))


def _plain(message) -> dict:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _our_own(record: logging.LogRecord) -> bool:
    """Whether what aiohttp logs is not merely that somebody speaks no HTTP."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


async def start(desk: Desk, host: str, port: int) -> tuple[web.AppRunner, int]:
    """Listen; returns the runner, whose `cleanup` lets requests end, and the port.

    Raises:
        OSError: if the port is taken.
    """
    logger = logging.getLogger(__name__)
    logger.addFilter(_our_own)
    runner = web.AppRunner(
        application(desk),
        access_log=None,
        logger=logger,
        shutdown_timeout=desk.limits.seconds,
        keepalive_timeout=desk.limits.idle,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=1024)
        await site.start()
    except OSError:
        await asyncio.shield(runner.cleanup())
        raise
    return runner, runner.addresses[0][1]
