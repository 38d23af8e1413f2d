"""Requests that TF Serving plays to a model before it takes real ones."""

from pathlib import Path

import tensorflow as tf


def write_warmup(folder: Path, model_name: str, questions: list[dict]) -> None:
    """Write `questions` as TF Serving's warm-up file, a TFRecord of PredictionLog."""
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    folder.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / "tf_serving_warmup_requests")) as writer:
        for question in questions:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = model_name
            request.model_spec.signature_name = question["signature"]
            for name, value in question["inputs"].items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            log = prediction_log_pb2.PredictionLog(
                predict_log=prediction_log_pb2.PredictLog(request=request)
            )
            writer.write(log.SerializeToString())


def read_warmup(folder: Path) -> list:
    """The PredictRequests of a warm-up file; none where there is no file."""
    from tensorflow_serving.apis import prediction_log_pb2

    path = folder / "tf_serving_warmup_requests"
    if not path.is_file():
        return []
    records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    return [log.predict_log.request for log in logs]
