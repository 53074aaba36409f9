using System.Collections.Frozen;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Kv.Rpc.Services;

/// <summary>The files behind a set of services, by file name and by every name they declare. Immutable.</summary>
internal sealed class SymbolTable
{
    private readonly FrozenDictionary<string, FileDescriptor> _byName;
    private readonly FrozenDictionary<string, FileDescriptor> _bySymbol;
    private readonly FrozenSet<string> _messages;

    public SymbolTable(IEnumerable<ServiceDescriptor> services)
    {
        Dictionary<string, FileDescriptor> byName = new(StringComparer.Ordinal);
        Dictionary<string, FileDescriptor> bySymbol = new(StringComparer.Ordinal);
        HashSet<string> messages = new(StringComparer.Ordinal);
        foreach (ServiceDescriptor service in services)
        {
            AddFile(service.File, byName);
        }

        foreach (FileDescriptor file in byName.Values)
        {
            foreach (ServiceDescriptor service in file.Services)
            {
                bySymbol[service.FullName] = file;
                foreach (MethodDescriptor method in service.Methods)
                {
                    bySymbol[method.FullName] = file;
                }
            }

            AddTypes(file.MessageTypes, file.EnumTypes, file, bySymbol, messages);
        }

        _byName = byName.ToFrozenDictionary(StringComparer.Ordinal);
        _bySymbol = bySymbol.ToFrozenDictionary(StringComparer.Ordinal);
        _messages = messages.ToFrozenSet(StringComparer.Ordinal);
    }

    public FileDescriptor? FileByName(string name) => _byName.GetValueOrDefault(name);

    public FileDescriptor? FileBySymbol(string symbol) => _bySymbol.GetValueOrDefault(symbol);

    public bool HasMessage(string name) => _messages.Contains(name);

    /// <summary>The file and all it imports, the file first.</summary>
    public static IEnumerable<ByteString> WithImports(FileDescriptor file)
    {
        Dictionary<string, FileDescriptor> files = new(StringComparer.Ordinal);
        AddFile(file, files);
        return files.Values.Select(f => f.SerializedData);
    }

    private static void AddFile(FileDescriptor file, Dictionary<string, FileDescriptor> files)
    {
        if (files.TryAdd(file.Name, file))
        {
            foreach (FileDescriptor import in file.Dependencies)
            {
                AddFile(import, files);
            }
        }
    }

    private static void AddTypes(
        IEnumerable<MessageDescriptor> messages,
        IEnumerable<EnumDescriptor> enums,
        FileDescriptor file,
        Dictionary<string, FileDescriptor> bySymbol,
        HashSet<string> messageNames)
    {
        foreach (EnumDescriptor type in enums)
        {
            bySymbol[type.FullName] = file;
        }

        foreach (MessageDescriptor message in messages)
        {
            bySymbol[message.FullName] = file;
            messageNames.Add(message.FullName);
            AddTypes(message.NestedTypes, message.EnumTypes, file, bySymbol, messageNames);
        }
    }
}
