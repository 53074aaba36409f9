using Kv.Base;
using Kv.Raft.Tests.Harness;

namespace Kv.Raft.Tests;

public sealed class ElectionTests
{
    [Fact]
    public void Ticks_ThreePeers_ElectOneLeaderThatCommitsItsFirstEntry()
    {
        var group = new TestGroup(3);
        TestPeer leader = group.AwaitLeader();
        group.Tick(5);
        Assert.Single(group.Peers, p => p.Core.IsLeader);
        Assert.All(group.Peers, p => Assert.Equal(leader.Core.Id, p.Core.Leader));
        Assert.All(group.Peers, p => Assert.Equal(new LogIndex(1), p.Core.Applied));
    }
}
