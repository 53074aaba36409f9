"""A foreign server: the Echo service of echo.proto with grpcio. Prints its port, serves until its input ends."""

import json
import sys
import threading
from concurrent import futures

import grpc

from peer_common import load

CODES = {code.value[0]: code for code in grpc.StatusCode}


class Echo:
    def __init__(self, message_of):
        self.request_type = message_of("kv.rpc.tests.EchoRequest")
        self.response_type = message_of("kv.rpc.tests.EchoResponse")
        # What became of the calls that hang, by their text: 1 hanging, 2 cancelled.
        self.hanging = {}

    def response(self, request, index=0):
        payload = b"\0" * request.response_bytes if request.response_bytes else request.payload
        return self.response_type(text=request.text, payload=payload, index=index)

    def behave(self, request, context):
        if request.mirror_metadata:
            mirrored = [(k, v) for k, v in context.invocation_metadata() if k.startswith("x-")]
            context.send_initial_metadata(mirrored)
            context.set_trailing_metadata(mirrored)
        if request.compress:
            context.set_compression(grpc.Compression.Gzip)
        if request.crash:
            raise ValueError("secret of the handler")
        if request.fail_code:
            context.abort(CODES[request.fail_code], request.text)
        if request.hang:
            ended = threading.Event()
            context.add_callback(ended.set)
            self.hanging[request.text] = 1
            ended.wait(30)
            self.hanging[request.text] = 2

    def say(self, request, context):
        if request.text.startswith("state of "):
            return self.response_type(index=self.hanging.get(request.text[len("state of "):], 0))
        self.behave(request, context)
        return self.response(request)

    def repeat(self, request, context):
        if not request.count:
            self.behave(request, context)
        for index in range(request.count):
            yield self.response(request, index)
        if request.count:
            self.behave(request, context)

    def collect(self, requests, context):
        texts, size = [], 0
        for request in requests:
            self.behave(request, context)
            texts.append(request.text)
            size += len(request.payload)
        return self.response_type(text="|".join(texts), index=size)

    def chat(self, requests, context):
        index = 0
        for request in requests:
            self.behave(request, context)
            for _ in range(max(1, request.count)):
                yield self.response(request, index)
                index += 1


def main():
    echo = Echo(load(json.loads(sys.stdin.readline())))
    kinds = {
        "Say": (grpc.unary_unary_rpc_method_handler, echo.say),
        "Repeat": (grpc.unary_stream_rpc_method_handler, echo.repeat),
        "Collect": (grpc.stream_unary_rpc_method_handler, echo.collect),
        "Chat": (grpc.stream_stream_rpc_method_handler, echo.chat),
    }
    handlers = {
        name: make(
            function,
            request_deserializer=echo.request_type.FromString,
            response_serializer=echo.response_type.SerializeToString,
        )
        for name, (make, function) in kinds.items()
    }
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("kv.rpc.tests.Echo", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(0)


main()
