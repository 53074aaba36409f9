using Kv.Protocol.V1;
using Kv.Store;

namespace Kv.Server.Client;

/// <summary>
/// The door clients find: refuses by name until the store behind it is open, and again when it stops.
/// </summary>
internal sealed class DoorSwitch : IRequestDoor
{
    private volatile IRequestDoor? _door;
    private volatile string _why = "the store is starting";

    public void Open(IRequestDoor door) => _door = door;

    public void Close(string why)
    {
        _why = why;
        _door = null;
    }

    public void Submit(Request request, IResponseSink sink)
    {
        IRequestDoor? door = _door;
        if (door is not null)
        {
            door.Submit(request, sink);
            return;
        }

        var error = new RegionError { Message = _why, NotReady = new NotReady() };
        sink.OnResponse(new Response { Id = request.Id, Error = error });
    }
}
