namespace FuncSse.Tests;

/// <summary>Where the repository is on this machine. What the compiler knows of paths is not true in CI, whose builds are deterministic.</summary>
internal static class RepositoryRoot
{
    public static string Path { get; } = Find();

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "azure.yaml")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} has an azure.yaml.");
    }
}
