using System.Text.RegularExpressions;

namespace FuncSse.Tests;

/// <summary>The folders of a package refer to each other in one direction.</summary>
public sealed partial class FolderTests
{
    [Theory]
    [InlineData("FuncSse.Streaming")]
    [InlineData("FuncSse.Topics")]
    public void Folders_of_a_package_have_no_cycle(string package)
    {
        string root = Path.Combine(RepositoryRoot.Path, package);
        // Hosting wires everything, and what lies in the root is used everywhere.
        string[] folders = [.. Directory.GetDirectories(root).Select(path => Path.GetFileName(path)!).Except(["bin", "obj", "Hosting"])];
        Dictionary<string, string> sources = folders.ToDictionary(folder => folder, folder => Source(Path.Combine(root, folder)));
        Dictionary<string, HashSet<string>> names = folders.ToDictionary(folder => folder, folder => Declared(sources[folder]));
        Assert.All(names.Values, Assert.NotEmpty);
        List<(string From, string To, string Name)> references =
        [
            .. from source in sources
               from other in names
               where source.Key != other.Key
               from name in Identifier().Matches(source.Value).Select(match => match.Value).Distinct().Where(other.Value.Contains)
               select (source.Key, other.Key, name),
        ];
        Assert.NotEmpty(references);

        // A folder that refers to none of the others is in no cycle, so it can be taken away. What is left at the end is in one or refers to one.
        var left = folders.ToHashSet();
        while (left.FirstOrDefault(folder => !references.Any(reference => reference.From == folder && left.Contains(reference.To))) is { } free)
        {
            left.Remove(free);
        }

        Assert.Empty(references.Where(reference => left.Contains(reference.From) && left.Contains(reference.To)).Order());
    }

    // Without comments and texts, which may mention anything.
    private static string Source(string folder) => string.Join('\n', Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories)
        .Select(file => TextOrComment().Replace(File.ReadAllText(file).ReplaceLineEndings("\n"), "")));

    // Top-level types and extension methods: nothing else is known to other files by its own name.
    private static HashSet<string> Declared(string source) =>
        [.. TypeName().Matches(source).Concat(ExtensionMethod().Matches(source)).Select(match => match.Groups[1].Value)];

    [GeneratedRegex("//.*|\"(?:[^\"\\\\\n]|\\\\.)*\"")]
    private static partial Regex TextOrComment();

    [GeneratedRegex(@"^(?:public|internal)(?: \w+)* (?:class|struct|record|interface|enum|delegate [\w<>?.]+) (\w+)", RegexOptions.Multiline)]
    private static partial Regex TypeName();

    [GeneratedRegex(@" static [^(=\n]*?(\w+)(?:<[^>(]*>)?\(\s*this ")]
    private static partial Regex ExtensionMethod();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Identifier();
}
