using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Kv.Ctl.Playground;

/// <summary>
/// Chooses free loopback ports for servers that are started later, and again after a crash. They lie below the range
/// from which the system takes the ports of outgoing connections: one of those could sit on a store's port while it is
/// down.
/// </summary>
internal static class FreePorts
{
    private const int LowestPort = 10_000;

    private const int DefaultOutgoingPort = 32_768;

    private const int TriesPerPort = 200;

    private const string OutgoingRangePath = "/proc/sys/net/ipv4/ip_local_port_range";

    /// <exception cref="LocalClusterException">So many free ports were not found.</exception>
    public static int[] Choose(int count)
    {
        int below = LowestOutgoingPort();
        var listeners = new List<TcpListener>();
        try
        {
            // All are held until the last is found, so that none is chosen twice.
            for (int tries = 0; listeners.Count < count && tries < count * TriesPerPort; tries++)
            {
                var listener = new TcpListener(IPAddress.Loopback, RandomNumberGenerator.GetInt32(LowestPort, below));
                try
                {
                    listener.Start();
                    listeners.Add(listener);
                }
                catch (SocketException)
                {
                    listener.Dispose();
                }
            }

            if (listeners.Count < count)
            {
                throw new LocalClusterException(
                    $"no {count} free ports were found on 127.0.0.1 between {LowestPort} and {below}; stop what "
                        + "listens there");
            }

            return listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port).ToArray();
        }
        finally
        {
            foreach (TcpListener listener in listeners)
            {
                listener.Dispose();
            }
        }
    }

    private static int LowestOutgoingPort()
    {
        try
        {
            string[] range = File.ReadAllText(OutgoingRangePath).Split(
                (char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            int lowest = int.Parse(range[0], CultureInfo.InvariantCulture);
            return lowest >= LowestPort + 1000 ? lowest : DefaultOutgoingPort;
        }
        catch (Exception cause) when (
            cause is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException)
        {
            return DefaultOutgoingPort;
        }
    }
}
