using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Kv.Server.Tests;

/// <summary>Free loopback ports, below the range that outgoing connections take theirs from.</summary>
internal static class TestPorts
{
    public static string[] Addresses(int count)
    {
        var held = new List<TcpListener>();
        try
        {
            for (int tries = 0; held.Count < count; tries++)
            {
                Assert.True(tries < 1_000, "no free ports");
                var listener = new TcpListener(IPAddress.Loopback, Random.Shared.Next(11_000, 32_000));
                try
                {
                    listener.Start();
                    held.Add(listener);
                }
                catch (SocketException)
                {
                    listener.Dispose();
                }
            }

            return [.. held.Select(static l => string.Create(CultureInfo.InvariantCulture, $"{l.LocalEndpoint}"))];
        }
        finally
        {
            held.ForEach(static listener => listener.Dispose());
        }
    }
}
