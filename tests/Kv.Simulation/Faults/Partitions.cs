namespace Kv.Simulation.Faults;

/// <summary>Which directed links each kind of partition cuts; endpoints are the stores, then the clients.</summary>
public static class Partitions
{
    public static List<(int From, int To)> Links(PlannedFault fault, int stores, int clients)
    {
        int victim = fault.VictimA % stores;
        int other = (victim + 1 + (fault.VictimB % (stores - 1))) % stores;
        bool withClients = fault.VictimB / 16 % 2 == 1;
        var links = new List<(int, int)>();
        switch (fault.Kind)
        {
            case FaultKind.PartitionHalves:
                CutHalves(links, fault, stores, clients, bridge: -1, withClients);
                break;
            case FaultKind.PartitionBridge:
                CutHalves(links, fault, stores, clients, bridge: victim, withClients: false);
                break;
            case FaultKind.PartitionOne:
                for (int endpoint = 0; endpoint < stores + (withClients ? clients : 0); endpoint++)
                {
                    Cut(links, victim, endpoint);
                }

                break;
            case FaultKind.PartitionRing:
                CutRing(links, victim, stores);
                break;
            case FaultKind.PartitionOneWay:
                for (int endpoint = 0; endpoint < stores; endpoint++)
                {
                    if (endpoint != victim)
                    {
                        // Deaf or mute.
                        links.Add(fault.VictimB % 2 == 0 ? (victim, endpoint) : (endpoint, victim));
                    }
                }

                break;
            case FaultKind.ClientsCutOff:
                for (int client = 0; client < clients; client++)
                {
                    if (client == 0 || withClients)
                    {
                        Cut(links, stores + client, victim);
                        Cut(links, stores + client, other);
                    }
                }

                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fault));
        }

        return links;
    }

    private static void CutHalves(
        List<(int From, int To)> links, PlannedFault fault, int stores, int clients, int bridge, bool withClients)
    {
        int endpoints = stores + (withClients ? clients : 0);
        for (int a = 0; a < endpoints; a++)
        {
            for (int b = 0; b < a; b++)
            {
                bool apart = ((fault.VictimB >> a) & 1) != ((fault.VictimB >> b) & 1);
                if (apart && a != bridge && b != bridge)
                {
                    Cut(links, a, b);
                }
            }
        }
    }

    /// <summary>Only neighbours hear each other; three stores make a chain.</summary>
    private static void CutRing(List<(int From, int To)> links, int victim, int stores)
    {
        if (stores == 3)
        {
            Cut(links, victim, (victim + 1) % stores);
            return;
        }

        for (int a = 0; a < stores; a++)
        {
            for (int b = 0; b < a; b++)
            {
                if (a - b != 1 && a - b != stores - 1)
                {
                    Cut(links, a, b);
                }
            }
        }
    }

    private static void Cut(List<(int From, int To)> links, int a, int b)
    {
        if (a != b)
        {
            links.Add((a, b));
            links.Add((b, a));
        }
    }
}
