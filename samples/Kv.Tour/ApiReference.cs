using System.Runtime.InteropServices;
using System.Text;
using System.Xml;
using Kv.Base;

namespace Kv.Tour;

/// <summary>
/// The .NET API reference that ships with every SDK, as keys and values: the id of a member, such as
/// <c>M:System.String.Join(System.String,System.String[])</c>, and its documentation. In the order of keys.
/// </summary>
internal sealed class ApiReference
{
    private ApiReference(int fileCount, string folder, List<(byte[] Key, byte[] Value)> rows)
    {
        FileCount = fileCount;
        Folder = folder;
        Rows = rows;
        Bytes = rows.Sum(row => (long)row.Key.Length + row.Value.Length);
    }

    public int FileCount { get; }

    public string Folder { get; }

    public IReadOnlyList<(byte[] Key, byte[] Value)> Rows { get; }

    /// <summary>Key and value bytes.</summary>
    public long Bytes { get; }

    public static ApiReference Load()
    {
        string folder = FindFolder();
        string[] files = Directory.GetFiles(folder, "*.xml");
        var rows = new SortedDictionary<byte[], byte[]>(KeyOrder.Instance);
        foreach (string file in files)
        {
            ReadFile(file, rows);
        }

        if (rows.Count == 0)
        {
            throw new TourException(
                $"there is no API reference in {folder}: none of its {files.Length} .xml files names a member");
        }

        return new ApiReference(files.Length, folder, rows.Select(row => (row.Key, row.Value)).ToList());
    }

    /// <summary>The rows whose key begins with <paramref name="prefix"/>.</summary>
    public IEnumerable<(byte[] Key, byte[] Value)> WithPrefix(string prefix)
    {
        byte[] start = Encoding.UTF8.GetBytes(prefix);
        return Rows.Where(row => row.Key.AsSpan().StartsWith(start));
    }

    private static void ReadFile(string file, SortedDictionary<byte[], byte[]> rows)
    {
        using XmlReader reader = XmlReader.Create(file);
        reader.MoveToContent();
        while (!reader.EOF)
        {
            if (reader is { NodeType: XmlNodeType.Element, Name: "member" }
                && reader.GetAttribute("name") is { Length: > 0 } name)
            {
                rows[Encoding.UTF8.GetBytes(name)] = Encoding.UTF8.GetBytes(reader.ReadInnerXml());
            }
            else
            {
                reader.Read();
            }
        }
    }

    private static string FindFolder()
    {
        // <root>/shared/Microsoft.NETCore.App/<version>/ is where this program's runtime comes from.
        string runtime = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        string?[] roots = [Environment.GetEnvironmentVariable("DOTNET_ROOT"), runtime];
        var tried = new List<string>();
        foreach (string root in roots.OfType<string>().Where(root => root.Length > 0))
        {
            string pack = Path.Combine(root, "packs", "Microsoft.NETCore.App.Ref");
            tried.Add(pack);
            string? folder = !Directory.Exists(pack) ? null : Directory.GetDirectories(pack)
                .OrderByDescending(version => Version.TryParse(Path.GetFileName(version).Split('-')[0],
                    out Version? parsed) ? parsed : new Version())
                .SelectMany(version => Directory.Exists(Path.Combine(version, "ref"))
                    ? Directory.GetDirectories(Path.Combine(version, "ref")) : [])
                .FirstOrDefault(target => Directory.EnumerateFiles(target, "*.xml").Any());
            if (folder is not null)
            {
                return folder;
            }
        }

        throw new TourException(
            $"the .NET API reference is in none of {string.Join(", ", tried.Distinct())}; "
            + "install the .NET SDK there, or set DOTNET_ROOT to where it is");
    }
}
