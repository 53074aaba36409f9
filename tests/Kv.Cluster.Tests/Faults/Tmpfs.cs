using System.Globalization;

namespace Kv.Cluster.Tests.Faults;

/// <summary>A small file system in memory, mounted for one test. Skips the test when it may not be mounted.</summary>
internal sealed class Tmpfs : IAsyncDisposable
{
    private readonly string _folder;

    private Tmpfs(string folder) => _folder = folder;

    public static async Task<Tmpfs> MountAsync(string folder, int mebi)
    {
        Assert.SkipUnless(Environment.UserName == "root", "mounting a tmpfs needs root");
        Directory.CreateDirectory(folder);
        (int exitCode, string errors) = await ShortProgram.RunAsync(
            "mount", "-t", "tmpfs", "-o", Size(mebi), "tmpfs", folder);
        Assert.SkipWhen(exitCode != 0, $"a tmpfs cannot be mounted here: {errors}");
        return new Tmpfs(folder);
    }

    public async Task ResizeAsync(int mebi)
    {
        (int exitCode, string errors) = await ShortProgram.RunAsync("mount", "-o", "remount," + Size(mebi), _folder);
        Assert.True(exitCode == 0, errors);
    }

    /// <summary>Takes all the space that is left with a file of that name.</summary>
    public FileStream Fill(string name)
    {
        FileStream file = File.Create(Path.Combine(_folder, name), bufferSize: 0);
        byte[] bytes = new byte[64 * 1024];
        int length = bytes.Length;
        while (length > 0)
        {
            try
            {
                file.Write(bytes.AsSpan(0, length));
            }
            catch (IOException)
            {
                length = length > 4096 ? 4096 : 0;
            }
        }

        return file;
    }

    /// <summary>Lazily: a process that still has a file open there does not hold the folder.</summary>
    public async ValueTask DisposeAsync() => await ShortProgram.RunAsync("umount", "-l", _folder);

    private static string Size(int mebi) => string.Create(CultureInfo.InvariantCulture, $"size={mebi}m");
}
