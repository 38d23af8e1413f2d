"""A local stand-in for TF Serving, and clients of both: the same requests, answers and errors."""

from kerasrnn.serving.client import Client, GrpcClient, ServingError

__all__ = ["Client", "GrpcClient", "ServingError"]
