"""What the two foreign peers share: message classes made from descriptors, since no generated code is needed for them."""

import base64

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


def load(descriptors):
    """Adds base64 file descriptors to a pool of their own; gives a function from full name to message class."""
    pool = descriptor_pool.DescriptorPool()
    for text in descriptors:
        pool.Add(descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(text)))
    if hasattr(message_factory, "GetMessageClass"):
        return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))


def metadata_to_json(metadata):
    """Binary values as base64."""
    return [
        [key, base64.b64encode(value).decode() if isinstance(value, bytes) else value]
        for key, value in metadata or ()
    ]


def metadata_from_json(pairs):
    return [(key, base64.b64decode(value) if key.endswith("-bin") else value) for key, value in pairs]
