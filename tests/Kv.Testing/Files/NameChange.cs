namespace Kv.Testing.Files;

/// <summary>One created (Inode, no From), renamed (both) or deleted (neither) name in a simulated folder.</summary>
internal sealed record NameChange(string Name, string? From, MemoryInode? Inode)
{
    public bool IsIn(string folder) => Path.GetDirectoryName(Name) == folder;

    public void ApplyTo(Dictionary<string, MemoryInode> names)
    {
        if (From is not null)
        {
            names.Remove(From);
        }

        if (Inode is null)
        {
            names.Remove(Name);
        }
        else
        {
            names[Name] = Inode;
        }
    }
}
