// Owns one object of the C API that needs only a destroy call: options, caches.
using System.Runtime.InteropServices;

namespace Kv.Engine.RocksDb;

internal sealed unsafe class NativeObject : SafeHandle
{
    private readonly delegate*<nint, void> _destroy;

    internal NativeObject(nint pointer, delegate*<nint, void> destroy)
        : base(0, ownsHandle: true)
    {
        _destroy = destroy;
        SetHandle(pointer);
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>For calls made while this object is known to be alive.</summary>
    internal nint Pointer => handle;

    protected override bool ReleaseHandle()
    {
        _destroy(handle);
        return true;
    }
}
