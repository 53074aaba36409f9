"""A client that knows only the service's descriptors: good and bad calls to kv.v1.Kv, one JSON line about each.

First line of standard input: a JSON list of base64 file descriptors. Arguments: the client addresses of all stores.
"""

import base64
import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

TIMEOUT_SECONDS = 30
ROUNDS = 200


def load(descriptors):
    pool = descriptor_pool.DescriptorPool()
    for text in descriptors:
        pool.Add(descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(text)))
    if hasattr(message_factory, "GetMessageClass"):
        return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))


class Caller:
    def __init__(self, targets, message_of):
        limits = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        self.channels = [grpc.insecure_channel(target, limits) for target in targets]
        self.message_of = message_of

    def once(self, channel, method, request, response):
        make = channel.unary_unary(
            "/kv.v1.Kv/" + method, lambda message: message.SerializeToString(), self.message_of(response).FromString)
        return make(request, timeout=TIMEOUT_SECONDS)

    def call(self, method, request, response):
        """Asks one store after the other until one leads the key's region; the last error counts."""
        for attempt in range(ROUNDS):
            answer = self.once(self.channels[attempt % len(self.channels)], method, request, response)
            if not answer.HasField("region_error"):
                return answer
        raise RuntimeError("no store answered %s: %s" % (method, answer.region_error.message))

    def tell(self, name, method, request, response, show):
        try:
            print_line(name, "OK", show(self.call(method, request, response)))
        except grpc.RpcError as error:
            print_line(name, error.code().name, error.details())


def print_line(name, code, text):
    print(json.dumps({"name": name, "code": code, "text": text}), flush=True)


def list_services(channel, message_of):
    request = message_of("grpc.reflection.v1.ServerReflectionRequest")(list_services="")
    make = channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        lambda message: message.SerializeToString(),
        message_of("grpc.reflection.v1.ServerReflectionResponse").FromString,
    )
    for answer in make(iter([request]), timeout=TIMEOUT_SECONDS):
        return " ".join(sorted(service.name for service in answer.list_services_response.service))


def main():
    message_of = load(json.loads(sys.stdin.readline()))
    caller = Caller(sys.argv[1:], message_of)
    get = message_of("kv.v1.GetRequest")
    put = message_of("kv.v1.PutRequest")
    delete = message_of("kv.v1.DeleteRequest")
    scan = message_of("kv.v1.ScanRequest")

    def found(answer):
        return answer.value.decode() if answer.found else "absent"

    def rows(answer):
        return " ".join("%s=%s" % (row.key.decode(), row.value.decode()) for row in answer.rows)

    def revision(answer):
        return "revision" if answer.revision > 0 else "none"

    write, read, page = "kv.v1.WriteResponse", "kv.v1.GetResponse", "kv.v1.ScanResponse"
    caller.tell("put a", "Put", put(key=b"a", value=b"1"), write, revision)
    caller.tell("put b", "Put", put(key=b"b", value=b"2"), write, revision)
    caller.tell("get a", "Get", get(key=b"a"), read, found)
    caller.tell("scan", "Scan", scan(start_key=b"a", end_key=b"c"), page, rows)
    caller.tell("scan reverse", "Scan", scan(start_key=b"a", end_key=b"c", reverse=True, limit=1), page, rows)
    caller.tell("delete a", "Delete", delete(key=b"a"), write, revision)
    caller.tell("get deleted", "Get", get(key=b"a"), read, found)

    mutation = message_of("kv.v1.Mutation")
    expectation = message_of("kv.v1.Expectation")
    multi_get = message_of("kv.v1.MultiGetRequest")
    kinds = {value.name[len("MUTATION_KIND_"):]: value.number
             for value in mutation.DESCRIPTOR.fields_by_name["kind"].enum_type.values}

    def guarded(kind, key, **fields):
        request = message_of("kv.v1.WriteRequest")()
        request.mutations.append(mutation(kind=kinds[kind], key=key, **fields))
        return request

    def outcome(answer):
        names = {0: "applied", 1: "condition failed", 2: "exhausted"}
        told = ["%s@%d" % (result.value.decode(), result.start) if result.found else "absent@%d" % result.start
                for result in answer.results]
        return " ".join([names[answer.outcome]] + told)

    def many_found(answer):
        return " ".join(result.value.decode() if result.found else "absent" for result in answer.results)

    many = "kv.v1.MultiGetResponse"
    caller.tell("put if absent", "Write", guarded("PUT_IF_ABSENT", b"c", value=b"1"), write, outcome)
    caller.tell("put if absent again", "Write", guarded("PUT_IF_ABSENT", b"c", value=b"2"), write, outcome)
    caller.tell("compare and put", "Write", guarded(
        "COMPARE_AND_PUT", b"c", value=b"3", expected=expectation(value=b"1")), write, outcome)
    caller.tell("compare and put stale", "Write", guarded(
        "COMPARE_AND_PUT", b"c", value=b"4", expected=expectation(value=b"1")), write, outcome)
    caller.tell("compare and delete absent", "Write", guarded(
        "COMPARE_AND_DELETE", b"c", expected=expectation(absent=True)), write, outcome)
    caller.tell("compare without expectation", "Write", guarded("COMPARE_AND_PUT", b"c", value=b"4"), write, outcome)
    caller.tell("get and put", "Write", guarded("GET_AND_PUT", b"c", value=b"5"), write, outcome)
    caller.tell("sequence", "Write", guarded("SEQUENCE", b"c", number=10), write, outcome)
    caller.tell("sequence again", "Write", guarded("SEQUENCE", b"c", number=0), write, outcome)
    caller.tell("sequence backwards", "Write", guarded("SEQUENCE", b"c", number=-1), write, outcome)
    caller.tell("multi-get", "MultiGet", multi_get(keys=[b"c", b"a", b"b", b"c"]), many, many_found)
    caller.tell("multi-get of nothing", "MultiGet", multi_get(), many, many_found)
    caller.tell("exists", "Get", get(key=b"c", exists_only=True), read,
                lambda answer: "%s %d bytes" % (answer.found, len(answer.value)))
    caller.tell("delete range", "Write", guarded("DELETE_RANGE", b"c", end_key=b"d"), write, outcome)
    caller.tell("delete range backwards", "Write", guarded("DELETE_RANGE", b"d", end_key=b"c"), write, outcome)
    caller.tell("get after delete range", "Get", get(key=b"c"), read, found)

    long_key = b"k" * (9 * 1024)
    caller.tell("put empty key", "Put", put(key=b"", value=b"1"), write, revision)
    caller.tell("get empty key", "Get", get(key=b""), read, found)
    caller.tell("delete empty key", "Delete", delete(key=b""), write, revision)
    caller.tell("put long key", "Put", put(key=long_key, value=b"1"), write, revision)
    caller.tell("get long key", "Get", get(key=long_key), read, found)
    caller.tell("scan long key", "Scan", scan(start_key=long_key), page, rows)
    caller.tell("put large value", "Put", put(key=b"large", value=b"v" * (1024 * 1024 + 1)), write, revision)
    caller.tell("put largest value", "Put", put(key=b"large", value=b"v" * (1024 * 1024)), write, revision)
    caller.tell("scan backwards", "Scan", scan(start_key=b"z", end_key=b"a"), page, rows)
    caller.tell("unknown method", "Frobnicate", get(key=b"a"), read, found)
    caller.tell("after all", "Get", get(key=b"b"), read, found)
    for number, channel in enumerate(caller.channels):
        print_line("services %d" % number, "OK", list_services(channel, message_of))


main()
