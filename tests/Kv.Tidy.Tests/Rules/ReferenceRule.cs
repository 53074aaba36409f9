using System.Xml.Linq;

namespace Kv.Tidy.Tests.Rules;

/// <summary>
/// Layers by reference: the edges of docs/architecture.md and no others, read from the project files.
/// </summary>
public static class ReferenceRule
{
    private const string Name = "references";

    /// <summary>What each product project may reference besides Kv.Base.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Kv.Base"] = [],
        ["Kv.Raft"] = [],
        ["Kv.Protocol"] = [],
        ["Kv.Engine"] = [],
        ["Kv.Rpc"] = ["Kv.Protocol"],
        ["Kv.Store"] = ["Kv.Raft", "Kv.Protocol", "Kv.Engine", "Kv.Rpc"],
        ["Kv.Placement"] = ["Kv.Protocol", "Kv.Rpc"],
        ["Kv.Client"] = ["Kv.Protocol", "Kv.Rpc"],
        ["Kv.Ctl"] = ["Kv.Client", "Kv.Protocol", "Kv.Engine"],
        ["Kv.Server"] = ["Kv.Store", "Kv.Placement", "Kv.Engine", "Kv.Protocol", "Kv.Rpc"],
    };

    public static IEnumerable<Finding> Check(SourceFile project)
    {
        string name = Path.GetFileNameWithoutExtension(project.Path);
        XDocument xml = XDocument.Parse(project.Text, LoadOptions.SetLineInfo);
        foreach (XElement element in xml.Descendants("ProjectReference"))
        {
            string include = ((string?)element.Attribute("Include") ?? "").Replace('\\', '/');
            string target = Path.GetFileNameWithoutExtension(include);
            if (!IsAllowed(project, name, target))
            {
                yield return project.At(
                    LineOf(element), Name, $"{name} may not reference {target} (docs/architecture.md)");
            }
        }

        foreach (XElement element in xml.Descendants("PackageReference"))
        {
            string package = (string?)element.Attribute("Include") ?? "";
            if (element.Attribute("Version") is not null || element.Attribute("VersionOverride") is not null)
            {
                yield return project.At(
                    LineOf(element),
                    Name,
                    $"the version of {package} belongs in Directory.Packages.props, with its reason");
            }

            if (name is "Kv.Base" or "Kv.Raft")
            {
                yield return project.At(LineOf(element), Name, $"{name} references no package, so not {package}");
            }
        }

        if (project.IsProduct && !Allowed.ContainsKey(name))
        {
            yield return project.At(1, Name, $"{name} is not a project of docs/architecture.md; add it there and here");
        }
    }

    /// <summary>A project outside the solution is built and tested by nobody.</summary>
    public static IEnumerable<Finding> CheckSolution(string solution, IEnumerable<SourceFile> projects) =>
        projects
            .Where(project => !solution.Contains('"' + project.Path.Replace('/', '\\') + '"', StringComparison.Ordinal))
            .Select(project => project.At(1, Name, "the project is not in KvStore.sln"));

    private static bool IsAllowed(SourceFile project, string name, string target)
    {
        if (project.IsTestCode)
        {
            return name != "Kv.Tidy.Tests";
        }

        if (project.Path.StartsWith("samples/", StringComparison.Ordinal))
        {
            return target == "Kv.Client";
        }

        return target == "Kv.Base"
            ? name != "Kv.Base"
            : Allowed.TryGetValue(name, out string[]? targets) && targets.Contains(target);
    }

    private static int LineOf(XElement element) => ((System.Xml.IXmlLineInfo)element).LineNumber;
}
