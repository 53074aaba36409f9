using System.Text;

namespace Kv.Tidy.Tests;

/// <summary>
/// The text files of the repository this test was built from, without what builds and runs leave behind.
/// </summary>
public sealed class Repository
{
    private static readonly string[] SkippedFolders =
        [".git", ".vs", ".vscode", ".idea", "bin", "obj", "artifacts", "data", "TestResults"];

    private static readonly string[] TextEndings =
    [
        ".cs", ".csproj", ".props", ".targets", ".proto", ".sh", ".md", ".json", ".txt", ".py", ".yml", ".yaml",
        ".editorconfig", ".gitignore", ".slnf", ".html", ".js", ".css",
    ];

    private static readonly Lazy<Repository> Loaded = new(() => new Repository(FindRoot()));

    private Repository(string root)
    {
        Root = root;
        var files = new List<SourceFile>();
        Collect(new DirectoryInfo(root), files);
        files.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        Files = files;
    }

    public static Repository Current => Loaded.Value;

    public string Root { get; }

    public IReadOnlyList<SourceFile> Files { get; }

    public IEnumerable<SourceFile> CSharp => Files.Where(file => file.IsCSharp);

    public IEnumerable<SourceFile> Projects =>
        Files.Where(file => file.Path.EndsWith(".csproj", StringComparison.Ordinal));

    public IEnumerable<SourceFile> Protos =>
        Files.Where(file => file.Path.EndsWith(".proto", StringComparison.Ordinal));

    public SourceFile? Find(string path) => Files.FirstOrDefault(file => file.Path == path);

    public bool Exists(string path) => Path.Exists(Path.Combine(Root, path));

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "KvStore.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"no folder above {AppContext.BaseDirectory} holds KvStore.sln");
    }

    private void Collect(DirectoryInfo folder, List<SourceFile> files)
    {
        foreach (FileInfo file in folder.EnumerateFiles())
        {
            if (IsText(file))
            {
                string path = Path.GetRelativePath(Root, file.FullName).Replace('\\', '/');
                files.Add(new SourceFile(path, File.ReadAllText(file.FullName, Encoding.UTF8)));
            }
        }

        foreach (DirectoryInfo child in folder.EnumerateDirectories())
        {
            if (!SkippedFolders.Contains(child.Name) && child.LinkTarget is null)
            {
                Collect(child, files);
            }
        }
    }

    private static bool IsText(FileInfo file) =>
        TextEndings.Any(ending => file.Name.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
        || file.DirectoryName!.EndsWith("/.ci", StringComparison.Ordinal)
        || file.Name is "LICENSE" or "NOTICE";
}
