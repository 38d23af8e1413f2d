"""kerasrnn serve: a local stand-in for TF Serving."""

from pathlib import Path
from typing import Annotated

import typer

Option = typer.Option


def register(app: typer.Typer) -> None:
    app.command("serve", epilog="Example: kerasrnn serve saved_models --rest-port 8501")(run)


def run(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Of models, or of one model's versions.")
    ],
    rest_port: Annotated[int, Option(min=0, max=65535, help="0 takes a free one.")] = 8501,
    grpc_port: Annotated[int, Option(min=0, max=65535, help="0 takes a free one.")] = 8500,
    host: Annotated[str, Option(help="The address to listen on.")] = "127.0.0.1",
    batch: Annotated[int, Option(min=1, help="Rows answered together; 1: each alone.")] = 64,
    batch_ms: Annotated[float, Option(min=0, help="That a request waits for others.")] = 5.0,
    timeout: Annotated[float, Option(min=0.001, help="Seconds of a request.")] = 60.0,
    max_megabytes: Annotated[float, Option(min=0.001, max=2048, help="Of a request.")] = 16.0,
    max_requests: Annotated[int, Option(min=1, help="Under way at a time.")] = 512,
    max_rows: Annotated[int, Option(min=1, help="Of a request.")] = 256,
    look: Annotated[float, Option(min=0.01, help="Seconds between looks at DIR.")] = 1.0,
) -> None:
    """Answer TF Serving's REST and gRPC requests from a folder of SavedModels.

    Prints the two addresses once it is ready. New versions in DIR take over, removed ones are unloaded.
    Ctrl-C or SIGTERM stops it when what is under way has been answered.
    """
    from kerasrnn.cli.quiet import load_tensorflow
    from kerasrnn.errors import UserError

    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder of models, <name>/<version>/saved_model.pb.")
    load_tensorflow()
    from kerasrnn.serving.desk import Limits
    from kerasrnn.serving.server import Options, serve

    def ready(rest: int, grpc: int) -> None:
        address = f"[{host}]" if ":" in host else host
        print(f"REST http://{address}:{rest}\ngRPC {address}:{grpc}", flush=True)

    limits = Limits(timeout, round(max_megabytes * 2**20), max_requests, max_rows)
    options = Options(host, rest_port, grpc_port, batch, batch_ms / 1000, look, limits)
    serve(folder, options, ready)
