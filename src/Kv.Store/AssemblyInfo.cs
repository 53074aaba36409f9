using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Kv.Store.Tests")]
