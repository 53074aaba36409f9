namespace Kv.Simulation.Tests.History;

/// <summary>
/// Histories that are linearizable, each named for what it shows. The notation is that of HistoryText.
/// </summary>
internal static class GoodHistories
{
    public const string Reads = """
        empty key reads as absent:
            c1 get k [0,5] -> none
        exists of an empty key:
            c1 exists k [0,5] -> none
        put then get:
            c1 put k x [0,10] -> ok; c2 get k [11,12] -> x
        put then exists:
            c1 put k x [0,10] -> ok; c2 exists k [11,12] -> yes
        get during a put sees the old state:
            c1 put k x [0,10] -> ok; c2 get k [3,5] -> none
        get during a put sees the new state:
            c1 put k x [0,10] -> ok; c2 get k [3,5] -> x
        get during a put sees new then another get new:
            c1 put k x [0,10] -> ok; c2 get k [2,3] -> x; c3 get k [4,5] -> x
        gets during a put turn once:
            c1 put k x [0,10] -> ok; c2 get k [2,3] -> none; c3 get k [4,5] -> x
        overlapping gets during a put may differ either way:
            c1 put k x [0,10] -> ok; c2 get k [2,6] -> x; c3 get k [3,7] -> none
        a long get sees the state at its start:
            c1 get k [0,30] -> none; c2 put k x [5,10] -> ok; c2 put k y [15,20] -> ok
        a long get sees the middle:
            c1 get k [0,30] -> x; c2 put k x [5,10] -> ok; c2 put k y [15,20] -> ok
        a long get sees the end:
            c1 get k [0,30] -> y; c2 put k x [5,10] -> ok; c2 put k y [15,20] -> ok
        return and call at one time count as concurrent:
            c1 put k x [0,10] -> ok; c2 get k [10,12] -> none
        an operation of no length:
            c1 put k x [5,5] -> ok; c2 get k [5,5] -> none; c2 get k [6,6] -> x
        empty value is a value:
            c1 put k "" [0,5] -> ok; c2 get k [6,7] -> ""; c2 exists k [8,9] -> yes
        two keys do not touch:
            c1 put a x [0,5] -> ok; c2 get b [6,7] -> none; c2 get a [8,9] -> x
        get with a value that was not told:
            c1 put k x [0,5] -> ok; c2 get k [6,7] -> yes
        exists turns with a put and a delete:
            c1 put k x [0,20] -> ok; c2 exists k [2,3] -> none; c2 exists k [4,5] -> yes; c1 delete k [21,30] -> ok;
            c2 exists k [22,23] -> yes; c2 exists k [24,25] -> none
        """;

    public const string Writes = """
        last of two puts wins:
            c1 put k x [0,5] -> ok; c1 put k y [6,10] -> ok; c2 get k [11,12] -> y
        concurrent puts in either order, first:
            c1 put k x [0,10] -> ok; c2 put k y [0,10] -> ok; c3 get k [11,12] -> x
        concurrent puts in either order, second:
            c1 put k x [0,10] -> ok; c2 put k y [0,10] -> ok; c3 get k [11,12] -> y
        three concurrent puts seen one after the other:
            c1 put k x [0,30] -> ok; c2 put k y [0,30] -> ok; c3 put k z [0,30] -> ok; c4 get k [3,4] -> z;
            c4 get k [5,6] -> x; c4 get k [7,8] -> y
        a put that nobody sees:
            c1 put k x [0,10] -> ok; c2 put k y [2,8] -> ok; c3 get k [11,12] -> y; c3 get k [13,14] -> y
        delete then absent:
            c1 put k x [0,5] -> ok; c1 delete k [6,10] -> ok; c2 get k [11,12] -> none
        delete of an absent key:
            c1 delete k [0,5] -> ok; c2 get k [6,7] -> none
        delete and put at once, put last:
            c1 put k x [0,10] -> ok; c2 delete k [0,10] -> ok; c3 get k [11,12] -> x
        delete and put at once, delete last:
            c1 put k x [0,10] -> ok; c2 delete k [0,10] -> ok; c3 get k [11,12] -> none
        the same value put again after a delete:
            c1 put k x [0,5] -> ok; c1 delete k [6,10] -> ok; c2 get k [11,12] -> none; c1 put k x [13,15] -> ok;
            c2 get k [16,17] -> x
        delete range takes the key:
            c1 put k x [0,5] -> ok; c2 delrange k [6,10] -> ok; c3 get k [11,12] -> none
        delete range takes several keys at different moments:
            c1 put a x [0,5] -> ok; c1 put b y [0,5] -> ok; c2 delrange a [6,20] -> ok; c2 delrange b [6,20] -> ok;
            c3 get a [8,9] -> none; c3 get b [10,11] -> y; c3 get b [21,22] -> none
        delete range during a put:
            c1 put k x [0,20] -> ok; c2 delrange k [5,10] -> ok; c3 get k [21,22] -> x
        get-and-put tells absence:
            c1 getput k x [0,5] -> ok was none; c2 get k [6,7] -> x
        get-and-put tells what it replaced:
            c1 put k x [0,5] -> ok; c1 getput k y [6,10] -> ok was x; c2 get k [11,12] -> y
        get-and-puts at once form a chain:
            c1 getput k a [0,10] -> ok was c; c2 getput k b [0,10] -> ok was none; c3 getput k c [0,10] -> ok was b;
            c4 get k [11,12] -> a
        get-and-put whose answer was dropped:
            c1 put k x [0,5] -> ok; c2 getput k y [6,10] -> ok; c3 get k [11,12] -> y
        get-and-put tells found alone:
            c1 put k x [0,5] -> ok; c2 getput k y [6,10] -> ok was yes; c3 get k [11,12] -> y
        get-and-put after a delete:
            c1 put k x [0,5] -> ok; c1 delete k [6,7] -> ok; c2 getput k y [8,9] -> ok was none
        """;

    public const string Conditions = """
        put-if-absent on an empty key:
            c1 putabsent k x [0,5] -> ok; c2 get k [6,7] -> x
        put-if-absent fails and tells what is there:
            c1 put k x [0,5] -> ok; c2 putabsent k y [6,10] -> fail was x; c3 get k [11,12] -> x
        put-if-absent fails without telling:
            c1 put k x [0,5] -> ok; c2 putabsent k y [6,10] -> fail; c3 get k [11,12] -> x
        two put-if-absents at once, one stores:
            c1 putabsent k x [0,10] -> ok; c2 putabsent k y [0,10] -> fail was x
        two put-if-absents at once, the other stores:
            c1 putabsent k x [0,10] -> fail was y; c2 putabsent k y [0,10] -> ok
        put-if-absent stores again after a delete:
            c1 putabsent k x [0,5] -> ok; c1 delete k [6,7] -> ok; c2 putabsent k y [8,9] -> ok; c2 get k [10,11] -> y
        put-if-absent stores during a delete:
            c1 put k x [0,5] -> ok; c1 delete k [6,20] -> ok; c2 putabsent k y [7,9] -> ok; c3 get k [21,22] -> y
        cas by value:
            c1 put k x [0,5] -> ok; c2 cas k =x y [6,10] -> ok; c3 get k [11,12] -> y
        cas by value fails and tells:
            c1 put k x [0,5] -> ok; c2 cas k =z y [6,10] -> fail was x; c3 get k [11,12] -> x
        cas by value fails on an absent key:
            c2 cas k =z y [6,10] -> fail was none; c3 get k [11,12] -> none
        cas of the empty value is not cas of absence:
            c1 cas k ="" x [0,5] -> fail was none; c1 put k "" [6,7] -> ok; c1 cas k ="" x [8,9] -> ok
        cas of absence:
            c1 cas k absent x [0,5] -> ok; c2 get k [6,7] -> x
        cas of absence fails:
            c1 put k x [0,5] -> ok; c2 cas k absent y [6,7] -> fail was x
        cas to the same value, twice:
            c1 put k x [0,5] -> ok; c2 cas k =x x [6,7] -> ok; c3 cas k =x x [8,9] -> ok
        two cas at once, one succeeds:
            c1 put k x [0,5] -> ok; c2 cas k =x y [6,20] -> ok; c3 cas k =x z [6,20] -> fail was y;
            c1 get k [21,22] -> y
        two cas at once form a chain:
            c1 put k x [0,5] -> ok; c2 cas k =y z [6,20] -> ok; c3 cas k =x y [6,20] -> ok; c1 get k [21,22] -> z
        cas succeeds twice with a put of the old value between:
            c1 put k x [0,5] -> ok; c2 cas k =x y [6,10] -> ok; c1 put k x [11,15] -> ok; c3 cas k =x z [16,20] -> ok
        cas fails against a value that was there for a moment:
            c1 put k x [0,5] -> ok; c1 put k y [6,20] -> ok; c2 put k z [6,20] -> ok;
            c3 cas k =x w [6,20] -> fail was y;
            c1 get k [21,22] -> z
        compare-and-delete by value:
            c1 put k x [0,5] -> ok; c2 cad k =x [6,10] -> ok; c3 get k [11,12] -> none
        compare-and-delete fails:
            c1 put k x [0,5] -> ok; c2 cad k =y [6,10] -> fail was x; c3 get k [11,12] -> x
        compare-and-delete fails on an absent key:
            c2 cad k =y [6,10] -> fail was none
        compare-and-delete without telling:
            c1 put k x [0,5] -> ok; c2 cad k =y [6,10] -> fail; c3 get k [11,12] -> x
        two compare-and-deletes at once, one succeeds:
            c1 put k x [0,5] -> ok; c2 cad k =x [6,10] -> ok; c3 cad k =x [6,10] -> fail was none
        a lock by put-if-absent and compare-and-delete:
            c1 putabsent k a [0,5] -> ok; c2 putabsent k b [1,6] -> fail was a; c1 cad k =a [7,9] -> ok;
            c2 putabsent k b [8,12] -> ok; c1 putabsent k c [13,14] -> fail was b
        a counter by cas:
            c1 put k 0 [0,1] -> ok; c1 cas k =0 1 [2,9] -> ok; c2 cas k =0 1 [2,9] -> fail was 1;
            c2 cas k =1 2 [10,12] -> ok;
            c1 get k [13,14] -> 2
        """;

    public const string Revisions = """
        put answers a revision and get shows it:
            c1 put k x [0,5] -> ok r7; c2 get k [6,7] -> x r7
        revisions rise with gaps:
            c1 put k x [0,5] -> ok r7; c1 put k y [6,9] -> ok r100; c2 get k [10,11] -> y r100
        exists shows a revision:
            c1 put k x [0,5] -> ok r7; c2 exists k [6,7] -> yes r7
        revisions order concurrent puts:
            c1 put k x [0,10] -> ok r8; c2 put k y [0,10] -> ok r7; c3 get k [11,12] -> x r8
        a delete takes a revision:
            c1 put k x [0,5] -> ok r1; c1 delete k [6,7] -> ok r2; c1 put k x [8,9] -> ok r3; c2 get k [10,11] -> x r3
        a put without a told revision shows one when read:
            c1 put k x [0,5] -> ok; c2 get k [6,7] -> x r4; c3 get k [8,9] -> x r4
        an untold revision fits between its neighbours:
            c1 put k x [0,5] -> ok r4; c1 put k y [6,7] -> ok; c2 get k [8,9] -> y r5; c1 put k z [10,11] -> ok r6
        cas by revision:
            c1 put k x [0,5] -> ok r4; c2 cas k #4 y [6,10] -> ok r5; c3 get k [11,12] -> y r5
        cas by revision fails and tells:
            c1 put k x [0,5] -> ok r4; c2 cas k #3 y [6,10] -> fail was x r4
        cas by revision fails on an absent key:
            c1 put k x [0,5] -> ok r4; c1 delete k [6,7] -> ok r5; c2 cas k #4 y [8,10] -> fail was none
        cas by revision fails though the value came back:
            c1 put k x [0,5] -> ok r4; c1 put k y [6,7] -> ok r5; c1 put k x [8,9] -> ok r6;
            c2 cas k #4 z [10,11] -> fail was x r6
        two cas by one revision, one succeeds:
            c1 put k x [0,5] -> ok r4; c2 cas k #4 y [6,9] -> ok r5; c3 cas k #4 z [6,9] -> fail was y r5
        compare-and-delete by revision:
            c1 put k x [0,5] -> ok r4; c2 cad k #4 [6,9] -> ok r5; c3 get k [10,11] -> none
        compare-and-delete by an old revision fails:
            c1 put k x [0,5] -> ok r4; c2 put k y [6,7] -> ok r5; c2 cad k #4 [8,9] -> fail was y r5
        get-and-put tells the old revision and takes a new one:
            c1 put k x [0,5] -> ok r4; c2 getput k y [6,9] -> ok r6 was x r4; c3 get k [10,11] -> y r6
        put-if-absent tells the revision that is there:
            c1 put k x [0,5] -> ok r4; c2 putabsent k y [6,9] -> fail was x r4
        put-if-absent takes a revision above that of the delete:
            c1 put k x [0,5] -> ok r4; c1 delete k [6,7] -> ok r8; c2 putabsent k y [8,9] -> ok r9
        cas by a revision that nobody was told succeeds:
            c1 put k x [0,5] -> ok; c2 cas k #4 y [6,10] -> ok r5
        cas by a revision fails untold, and another revision shows:
            c1 put k x [0,5] -> ok; c2 cas k #4 y [6,10] -> fail; c3 get k [11,12] -> x r5
        cas by two revisions fails untold, and a third shows:
            c1 put k x [0,5] -> ok; c2 cas k #2 y [6,7] -> fail; c2 cas k #1 y [8,9] -> fail; c3 get k [11,12] -> x r3
        delete range takes a revision:
            c1 put k x [0,5] -> ok r4; c2 delrange k [6,9] -> ok r5; c1 put k y [10,12] -> ok r6
        revisions of two keys have nothing to do with each other:
            c1 put a x [0,5] -> ok r9; c1 put b y [6,9] -> ok r3; c2 get a [10,11] -> x r9; c2 get b [12,13] -> y r3
        """;

    public const string Sequences = """
        sequence starts at zero:
            c1 seq k 1 [0,5] -> 0; c1 seq k 1 [6,7] -> 1
        sequence hands out blocks:
            c1 seq k 10 [0,5] -> 0; c1 seq k 5 [6,7] -> 10; c1 seq k 1 [8,9] -> 15
        sequence at step zero only reads:
            c1 seq k 10 [0,5] -> 0; c1 seq k 0 [6,7] -> 10; c2 seq k 0 [8,9] -> 10; c1 seq k 1 [10,11] -> 10
        concurrent sequences in either order:
            c1 seq k 1 [0,10] -> 1; c2 seq k 1 [0,10] -> 0
        concurrent sequences of different steps:
            c1 seq k 3 [0,10] -> 5; c2 seq k 5 [0,10] -> 0; c3 seq k 0 [11,12] -> 8
        a read during a sequence sees before:
            c1 seq k 3 [0,10] -> 0; c2 seq k 0 [2,3] -> 0
        a read during a sequence sees after:
            c1 seq k 3 [0,10] -> 0; c2 seq k 0 [2,3] -> 3
        reset sets the sequence:
            c1 seq k 3 [0,5] -> 0; c1 reset k 100 [6,7] -> ok; c1 seq k 1 [8,9] -> 100
        reset tells where it stood:
            c1 seq k 3 [0,5] -> 0; c1 reset k 100 [6,7] -> ok was 3; c1 seq k 1 [8,9] -> 100
        reset backwards hands numbers out again:
            c1 seq k 3 [0,5] -> 0; c1 reset k 0 [6,7] -> ok; c1 seq k 3 [8,9] -> 0
        reset at once with a sequence, sequence first:
            c1 seq k 3 [0,10] -> 0; c2 reset k 50 [0,10] -> ok; c1 seq k 1 [11,12] -> 50
        reset at once with a sequence, reset first:
            c1 seq k 3 [0,10] -> 50; c2 reset k 50 [0,10] -> ok; c1 seq k 1 [11,12] -> 53
        exhausted sequence fails:
            c1 reset k 9223372036854775806 [0,5] -> ok; c1 seq k 2 [6,7] -> fail;
            c1 seq k 1 [8,9] -> 9223372036854775806
        exhausted sequence fails and tells where it stands:
            c1 reset k 9223372036854775806 [0,5] -> ok; c1 seq k 2 [6,7] -> fail was 9223372036854775806
        sequence and value of a key have nothing to do with each other:
            c1 put k x [0,5] -> ok; c1 seq k 3 [6,7] -> 0; c1 delete k [8,9] -> ok; c1 seq k 1 [10,11] -> 3;
            c1 get k [12,13] -> none
        delete range leaves the sequence:
            c1 seq k 3 [0,5] -> 0; c1 delrange k [6,7] -> ok; c1 seq k 1 [8,9] -> 3
        sequences of two keys:
            c1 seq a 3 [0,5] -> 0; c1 seq b 1 [6,7] -> 0; c1 seq a 1 [8,9] -> 3
        """;

    public const string Unknowns = """
        unknown put never took effect:
            c1 put k x [0,?]; c2 get k [11,12] -> none; c2 get k [20,30] -> none
        unknown put took effect at once:
            c1 put k x [0,?]; c2 get k [1,2] -> x; c2 get k [3,4] -> x
        unknown put takes effect much later:
            c1 put k x [0,?]; c2 put k y [5,10] -> ok; c2 get k [11,12] -> y; c2 get k [13,14] -> x
        unknown put after another put of the same client:
            c1 put k x [0,?]; c1 put k y [5,10] -> ok; c2 get k [11,12] -> y; c2 get k [30,40] -> x
        unknown put is overwritten unseen:
            c1 put k x [0,?]; c2 put k y [5,10] -> ok; c2 get k [11,12] -> y
        two unknown puts seen in the other order:
            c1 put k x [0,?]; c2 put k y [1,?]; c3 get k [11,12] -> y; c3 get k [13,14] -> x
        unknown delete took effect:
            c1 put k x [0,5] -> ok; c2 delete k [6,?]; c3 get k [11,12] -> none
        unknown delete takes effect after a second put:
            c1 put k x [0,5] -> ok; c2 delete k [6,?]; c1 put k y [7,8] -> ok; c3 get k [11,12] -> y;
            c3 get k [13,14] -> none
        two unknown deletes take effect one after the other:
            c1 put k x [0,5] -> ok; c2 delete k [6,?]; c3 delete k [7,?]; c4 get k [8,9] -> none;
            c1 put k y [10,11] -> ok;
            c4 get k [12,13] -> none
        unknown delete range took effect:
            c1 put k x [0,5] -> ok; c2 delrange k [6,?]; c3 get k [11,12] -> none
        unknown delete or delete range, either:
            c1 put k x [0,5] -> ok; c2 delrange k [6,?]; c2 delete k [6,?]; c3 get k [8,9] -> none;
            c1 put k y [10,11] -> ok; c3 get k [12,13] -> none
        unknown put-if-absent stored:
            c1 putabsent k x [0,?]; c2 putabsent k y [5,10] -> fail was x
        unknown put-if-absent did not store:
            c1 putabsent k x [0,?]; c2 putabsent k y [5,10] -> ok; c3 get k [11,12] -> y
        unknown put-if-absent stores after a delete:
            c2 put k y [0,5] -> ok; c1 putabsent k x [1,?]; c3 get k [6,7] -> y; c2 delete k [8,9] -> ok;
            c3 get k [11,12] -> x
        unknown cas took effect:
            c1 put k x [0,5] -> ok; c2 cas k =x y [6,?]; c3 get k [11,12] -> y
        unknown cas did not take effect:
            c1 put k x [0,5] -> ok; c2 cas k =z y [6,?]; c3 get k [11,12] -> x
        unknown cas waits for its value:
            c1 put k x [0,5] -> ok; c2 cas k =z y [6,?]; c1 put k z [7,8] -> ok; c3 get k [9,10] -> z;
            c3 get k [11,12] -> y
        chain of an unknown put and an unknown cas:
            c1 put k x [0,?]; c2 cas k =x y [1,?]; c3 get k [11,12] -> y
        chain of three unknowns:
            c1 put k x [0,?]; c2 cas k =x y [1,?]; c3 cas k =y z [1,?]; c4 get k [11,12] -> z
        unknown cas used between two reads of its expectation:
            c1 put k x [0,5] -> ok; c2 cas k =x y [6,?]; c3 get k [7,8] -> x; c3 get k [9,10] -> y;
            c1 put k x [11,12] -> ok;
            c3 get k [13,14] -> x
        unknown compare-and-delete took effect:
            c1 put k x [0,5] -> ok; c2 cad k =x [6,?]; c3 get k [11,12] -> none
        unknown get-and-put took effect:
            c1 getput k x [0,?]; c2 getput k y [5,10] -> ok was x
        exists sees an unknown put whose value nobody reads:
            c1 put k x [0,?]; c2 exists k [5,6] -> yes
        put-if-absent fails untold because of an unknown put:
            c1 put k x [0,?]; c2 putabsent k y [5,6] -> fail; c1 delete k [8,9] -> ok; c2 get k [10,11] -> none
        unknown sequence was handed out:
            c1 seq k 5 [0,?]; c2 seq k 1 [6,7] -> 5
        unknown sequence was not handed out:
            c1 seq k 5 [0,?]; c2 seq k 1 [6,7] -> 0; c2 seq k 1 [8,9] -> 1
        unknown sequence is handed out later:
            c1 seq k 5 [0,?]; c2 seq k 1 [6,7] -> 0; c2 seq k 1 [8,9] -> 6
        three unknown sequences explain a gap of two:
            c1 seq k 1 [0,?]; c2 seq k 1 [0,?]; c3 seq k 1 [0,?]; c4 seq k 1 [6,7] -> 2
        unknown sequences of different steps explain a gap:
            c1 seq k 2 [0,?]; c2 seq k 3 [0,?]; c3 seq k 7 [0,?]; c4 seq k 1 [6,7] -> 9
        unknown reset took effect late:
            c1 reset k 100 [0,?]; c2 seq k 1 [1,2] -> 0; c2 seq k 1 [3,4] -> 100
        unknown put shows a revision when read:
            c1 put k x [0,5] -> ok r4; c2 put k y [6,?]; c3 get k [11,12] -> y r6; c1 put k z [13,14] -> ok r7
        two unknown puts fit between two revisions:
            c1 put k x [0,5] -> ok r4; c2 put k y [6,?]; c2 put k w [6,?]; c3 get k [11,12] -> y; c3 get k [13,14] -> w;
            c1 put k z [15,16] -> ok r7
        cas by the revision of an unknown put:
            c1 put k x [0,5] -> ok r4; c2 put k y [6,?]; c3 cas k #6 z [11,12] -> ok r7
        cas by a revision fails because of an unknown put:
            c1 put k x [0,5] -> ok r4; c2 put k y [6,?]; c3 cas k #4 z [11,12] -> fail was y r5
        unknown write sees the value of its own key put again:
            c1 put k x [0,5] -> ok r4; c2 put k x [6,?]; c3 get k [11,12] -> x r4; c3 get k [13,14] -> x r5
        unknown put called after a read does not matter to it:
            c2 get k [0,5] -> none; c1 put k x [6,?]; c2 get k [7,8] -> x
        many unknown puts and one is seen:
            c1 put k a [0,?]; c2 put k b [0,?]; c3 put k c [0,?]; c4 put k d [0,?]; c5 put k e [0,?];
            c6 get k [5,6] -> d
        """;

    public static string All => string.Join('\n', Reads, Writes, Conditions, Revisions, Sequences, Unknowns);
}
