using Kv.Base;
using Kv.Placement.Founding;
using Kv.Protocol.Placement.V1;
using Kv.Protocol.V1;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kv.Placement.Tests;

public class JoinPumpTests : IJoinPeer
{
    private readonly ManualClock _clock = new();
    private readonly List<string> _asked = [];
    private readonly Queue<FoundingReply<JoinResponse>?> _replies = new();
    private FoundingReply<JoinResponse>? _end;

    [Fact]
    public void Joiner_TriesEverySeed_FollowsTheHint_AndEndsWithAnIdentity()
    {
        Replies(
            FoundingReply<JoinResponse>.Failed("refused"),
            null,
            new JoinResponse { AskInstead = new StoreInfo { PeerAddress = "c:1" } },
            new JoinResponse { StoreId = 9, ClusterId = 7 });
        Run(ms: 12_000);
        Assert.Equal(["a:1", "b:1", "a:1", "c:1"], _asked);
        Assert.Equal(9UL, _end!.Value.Value!.StoreId);
    }

    [Fact]
    public void Refusal_EndsIt()
    {
        Replies(FoundingReply<JoinResponse>.Refused("address a belongs to store 2"));
        Run(ms: 2_000);
        Assert.Equal("address a belongs to store 2", _end!.Value.Refusal);
        Assert.Single(_asked);
    }

    [Fact]
    public void StoresThatNameEachOther_AreNotAskedInATightLoop()
    {
        for (int i = 0; i < 40; i++)
        {
            Replies(new JoinResponse { AskInstead = new StoreInfo { PeerAddress = i % 2 == 0 ? "c:1" : "a:1" } });
        }

        Run(ms: 1_000);
        Assert.InRange(_asked.Count, 4, 12);
        Assert.Null(_end);
    }

    void IJoinPeer.Join(string address, JoinRequest request, Action<FoundingReply<JoinResponse>> done)
    {
        Assert.Equal(3UL, request.Attempt);
        _asked.Add(address);
        if (_replies.TryDequeue(out FoundingReply<JoinResponse>? reply) && reply is not null)
        {
            done(reply.Value);
        }
    }

    private void Replies(params FoundingReply<JoinResponse>?[] replies)
    {
        foreach (FoundingReply<JoinResponse>? reply in replies)
        {
            _replies.Enqueue(reply);
        }
    }

    private void Run(int ms)
    {
        var pump = new JoinPump(
            new StoreInfo { PeerAddress = "me:1" }, 3, ["a:1", "b:1"], this, _clock, reply => _end = reply,
                NullLogger.Instance);
        for (int at = 0; at < ms; at += 50)
        {
            for (int turns = 0; pump.RunOnce(); turns++)
            {
                Assert.True(turns < 100);
            }

            _clock.AdvanceMs(50);
        }

        Assert.Equal(_end is null ? pump.NextDue : Instant.Never, pump.NextDue);
    }
}
