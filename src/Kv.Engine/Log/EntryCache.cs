// Owns which payloads stay in memory: the newest appended ones up to a number of bytes, oldest out first. Only the log
// writer uses it; readers see its effect as entries with or without a payload.
namespace Kv.Engine.Log;

internal sealed class EntryCache(long bytesMax)
{
    // Counted per entry besides its payload, so that empty payloads are bounded too.
    private const int EntryCost = 64;

    private readonly Queue<Item> _items = new();

    public long Bytes { get; private set; }

    public void Add(LogGroup group, ulong index, ReadOnlyMemory<byte> data)
    {
        _items.Enqueue(new Item(group, index, data));
        Bytes += data.Length + EntryCost;
        while (Bytes > bytesMax)
        {
            Evict(_items.Dequeue());
        }
    }

    private void Evict(in Item item)
    {
        Bytes -= item.Data.Length + EntryCost;
        lock (item.Group)
        {
            if (!item.Group.Holds(item.Index))
            {
                return;
            }

            ref EntryPlace place = ref item.Group[item.Index];

            // An entry written over this one has an item of its own further back in the queue.
            if (place.IsCached && place.Data.Equals(item.Data))
            {
                place.Data = default;
                place.IsCached = false;
            }
        }
    }

    private readonly record struct Item(LogGroup Group, ulong Index, ReadOnlyMemory<byte> Data);
}
