"""A foreign client: reads one JSON command per line, makes the call with grpcio, and prints one JSON line about its end."""

import json
import sys
import time

import grpc
from google.protobuf import json_format

from peer_common import load, metadata_from_json, metadata_to_json


def channel_of(command):
    limits = {"grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1}
    limits.update(command.get("options", {}))
    options = list(limits.items())
    if "roots" not in command:
        return grpc.insecure_channel(command["target"], options)
    credentials = grpc.ssl_channel_credentials(
        command["roots"].encode(),
        command["key"].encode() if "key" in command else None,
        command["certificate"].encode() if "certificate" in command else None,
    )
    return grpc.secure_channel(command["target"], credentials, options)


def call(command, message_of):
    request_type = message_of(command["request_type"])
    response_type = message_of(command["response_type"])
    requests = [json_format.ParseDict(r, request_type()) for r in command["requests"]]
    keywords = {
        "timeout": command.get("timeout"),
        "metadata": metadata_from_json(command.get("metadata", [])),
        "compression": grpc.Compression.Gzip if command.get("gzip") else None,
    }
    answer = {"responses": [], "initial": [], "trailing": [], "details": ""}

    def note(response):
        value = json_format.MessageToDict(response, preserving_proto_field_name=True)
        if len(value.get("payload", "")) > 1000:
            value["payload"] = "%d" % len(response.payload)
        answer["responses"].append(value)

    def requests_with_pause():
        for request in requests:
            yield request
        if command.get("keep_open"):
            time.sleep(command["keep_open"])

    with channel_of(command) as channel:
        make = getattr(channel, command["kind"])
        method = make(command["path"], request_type.SerializeToString, response_type.FromString)
        many_requests = command["kind"].startswith("stream_")
        argument = requests_with_pause() if many_requests else requests[0]
        end = None
        try:
            if command["kind"].endswith("_stream"):
                end = method(argument, **keywords)
                for response in end:
                    note(response)
                    if len(answer["responses"]) == command.get("cancel_after"):
                        end.cancel()
            else:
                response, end = method.with_call(argument, **keywords)
                note(response)
        except grpc.RpcError as error:
            end = error
        answer["code"] = end.code().name
        answer["details"] = end.details() or ""
        answer["initial"] = metadata_to_json(end.initial_metadata())
        answer["trailing"] = metadata_to_json(end.trailing_metadata())
    return answer


def main():
    message_of = load(json.loads(sys.stdin.readline()))
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            answer = call(json.loads(line), message_of)
        except Exception as error:  # The test shows it.
            answer = {"code": "PYTHON", "details": repr(error), "responses": [], "initial": [], "trailing": []}
        print(json.dumps(answer), flush=True)


main()
