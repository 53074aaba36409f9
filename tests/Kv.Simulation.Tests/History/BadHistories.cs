namespace Kv.Simulation.Tests.History;

/// <summary>
/// Histories that are not linearizable, each named for what it shows. The notation is that of HistoryText.
/// </summary>
internal static class BadHistories
{
    public const string Reads = """
        invented value:
            c1 get k [0,5] -> x
        invented existence:
            c1 exists k [0,5] -> yes
        stale read after a put:
            c1 put k x [0,10] -> ok; c2 get k [11,12] -> none
        stale exists after a put:
            c1 put k x [0,10] -> ok; c2 exists k [11,12] -> none
        stale read of an older value:
            c1 put k x [0,5] -> ok; c1 put k y [6,10] -> ok; c2 get k [11,12] -> x
        read of a value before its put was called:
            c2 get k [0,5] -> x; c1 put k x [6,10] -> ok
        existence before the put was called:
            c2 exists k [0,5] -> yes; c1 put k x [6,10] -> ok
        new then old during one put:
            c1 put k x [0,10] -> ok; c2 get k [2,3] -> x; c3 get k [4,5] -> none
        exists new then old during one put:
            c1 put k x [0,10] -> ok; c2 exists k [2,3] -> yes; c3 exists k [4,5] -> none
        turns back and forth during two puts:
            c1 put k x [0,20] -> ok; c2 put k y [0,20] -> ok; c3 get k [2,3] -> x; c3 get k [4,5] -> y;
            c3 get k [6,7] -> x
        two readers see two puts in different orders:
            c1 put k x [0,30] -> ok; c2 put k y [0,30] -> ok; c3 get k [2,5] -> x; c3 get k [10,15] -> y;
            c4 get k [6,9] -> y; c4 get k [16,17] -> x
        a value that was overwritten before the read began:
            c1 put k x [0,5] -> ok; c1 put k y [6,10] -> ok; c1 put k z [12,20] -> ok; c2 get k [11,21] -> x
        an empty value is not absence:
            c1 put k "" [0,5] -> ok; c2 get k [6,7] -> none
        value of another key:
            c1 put a x [0,5] -> ok; c2 get b [6,7] -> x
        one bad key among good ones:
            c1 put a x [0,5] -> ok; c1 put b y [0,5] -> ok; c2 get a [6,7] -> x; c2 get b [6,7] -> none
        lost value between two reads that see it gone:
            c1 put k x [0,5] -> ok; c2 get k [6,7] -> x; c2 get k [8,9] -> none
        absent although found alone was told later:
            c1 put k x [0,5] -> ok; c1 delete k [6,7] -> ok; c2 get k [8,9] -> yes
        """;

    public const string Writes = """
        final value is of a put that was overwritten:
            c1 put k x [0,5] -> ok; c2 put k y [6,10] -> ok; c3 get k [11,12] -> y; c3 get k [13,14] -> x
        lost put:
            c1 put k x [0,5] -> ok; c1 put k y [6,10] -> ok; c2 get k [11,12] -> none
        delete without effect:
            c1 put k x [0,5] -> ok; c1 delete k [6,10] -> ok; c2 get k [11,12] -> x
        delete came back:
            c1 put k x [0,5] -> ok; c1 delete k [6,10] -> ok; c2 get k [11,12] -> none; c2 get k [13,14] -> x
        absent before the delete was called:
            c1 put k x [0,5] -> ok; c2 get k [6,7] -> none; c1 delete k [8,10] -> ok
        absent after concurrent puts:
            c1 put k x [0,10] -> ok; c2 put k y [0,10] -> ok; c3 get k [11,12] -> none
        a delete before the put takes it away:
            c2 delete k [0,5] -> ok; c1 put k x [6,10] -> ok; c3 get k [11,12] -> none
        one delete takes two values:
            c1 put k x [0,5] -> ok; c2 delete k [6,30] -> ok; c3 get k [8,9] -> none; c1 put k y [10,11] -> ok;
            c3 get k [12,13] -> none
        delete range without effect:
            c1 put k x [0,5] -> ok; c2 delrange k [6,10] -> ok; c3 get k [11,12] -> x
        delete range missed one of two keys:
            c1 put a x [0,5] -> ok; c1 put b y [0,5] -> ok; c2 delrange a [6,20] -> ok; c2 delrange b [6,20] -> ok;
            c3 get a [21,22] -> none; c3 get b [21,22] -> y
        delete range takes a later put:
            c2 delrange k [0,5] -> ok; c1 put k x [6,7] -> ok; c3 get k [8,9] -> none
        get-and-put tells a value that was replaced before:
            c1 put k x [0,5] -> ok; c1 put k y [6,7] -> ok; c2 getput k z [8,9] -> ok was x
        two get-and-puts tell the same value:
            c1 put k x [0,5] -> ok; c2 getput k y [6,10] -> ok was x; c3 getput k z [6,10] -> ok was x
        get-and-puts form a circle:
            c1 getput k a [0,10] -> ok was b; c2 getput k b [0,10] -> ok was a
        get-and-put tells absence of a key that is there:
            c1 put k x [0,5] -> ok; c2 getput k y [6,7] -> ok was none
        get-and-put tells found of an absent key:
            c2 getput k y [6,7] -> ok was yes
        get-and-put did not put:
            c1 put k x [0,5] -> ok; c2 getput k y [6,7] -> ok was x; c3 get k [8,9] -> x
        get-and-put whose answer was dropped did not put:
            c1 put k x [0,5] -> ok; c2 getput k y [6,7] -> ok; c3 get k [8,9] -> x
        get-and-put told before its own delete was undone:
            c1 put k x [0,5] -> ok; c1 delete k [6,7] -> ok; c2 getput k y [8,9] -> ok was x
        """;

    public const string Conditions = """
        put-if-absent stores over a value:
            c1 put k x [0,5] -> ok; c2 putabsent k y [6,10] -> ok
        put-if-absent stored twice:
            c1 putabsent k x [0,10] -> ok; c2 putabsent k y [0,10] -> ok
        put-if-absent fails on an empty key:
            c1 putabsent k x [0,5] -> fail
        put-if-absent fails and tells a value that is gone:
            c1 put k x [0,5] -> ok; c1 put k y [6,7] -> ok; c2 putabsent k z [8,9] -> fail was x
        put-if-absent fails and stores all the same:
            c1 put k x [0,5] -> ok; c2 putabsent k y [6,10] -> fail was x; c3 get k [11,12] -> y
        put-if-absent fails and tells absence:
            c1 put k x [0,5] -> ok; c2 putabsent k y [6,10] -> fail was none
        put-if-absents each see the other:
            c1 putabsent k x [0,10] -> fail was y; c2 putabsent k y [0,10] -> fail was x
        put-if-absent fails after a delete:
            c1 put k x [0,5] -> ok; c1 delete k [6,7] -> ok; c2 putabsent k y [8,9] -> fail
        put-if-absent succeeds and does not store:
            c1 putabsent k x [0,5] -> ok; c2 get k [6,7] -> none
        cas succeeded twice:
            c1 put k x [0,5] -> ok; c2 cas k =x y [6,10] -> ok; c3 cas k =x z [6,10] -> ok
        cas succeeded twice one after the other:
            c1 put k x [0,5] -> ok; c2 cas k =x y [6,7] -> ok; c3 cas k =x z [8,10] -> ok
        cas succeeds against another value:
            c1 put k x [0,5] -> ok; c2 cas k =z y [6,10] -> ok
        cas succeeds on an absent key:
            c2 cas k =z y [6,10] -> ok
        cas fails although the value is there:
            c1 put k x [0,5] -> ok; c2 cas k =x y [6,10] -> fail
        cas fails and tells what it expected:
            c1 put k x [0,5] -> ok; c2 cas k =x y [6,10] -> fail was x
        cas fails and takes effect:
            c1 put k x [0,5] -> ok; c2 cas k =z y [6,10] -> fail was x; c3 get k [11,12] -> y
        cas succeeds and is lost:
            c1 put k x [0,5] -> ok; c2 cas k =x y [6,10] -> ok; c3 get k [11,12] -> x
        cas of absence over a value:
            c1 put k x [0,5] -> ok; c2 cas k absent y [6,10] -> ok
        cas of absence fails on an empty key:
            c2 cas k absent y [6,10] -> fail
        cas of the empty value succeeds on an absent key:
            c1 cas k ="" x [0,5] -> ok
        cas chain with a missing link:
            c1 put k x [0,5] -> ok; c2 cas k =y z [6,20] -> ok; c3 cas k =w y [6,20] -> ok
        lost update of a counter by cas:
            c1 put k 0 [0,1] -> ok; c1 cas k =0 1 [2,9] -> ok; c2 cas k =0 1 [2,9] -> ok; c1 get k [13,14] -> 1
        compare-and-delete of another value:
            c1 put k x [0,5] -> ok; c2 cad k =y [6,10] -> ok
        compare-and-delete on an absent key:
            c2 cad k =y [6,10] -> ok
        compare-and-delete without effect:
            c1 put k x [0,5] -> ok; c2 cad k =x [6,10] -> ok; c3 get k [11,12] -> x
        compare-and-delete fails although the value is there:
            c1 put k x [0,5] -> ok; c2 cad k =x [6,10] -> fail
        compare-and-delete fails and deletes:
            c1 put k x [0,5] -> ok; c2 cad k =y [6,10] -> fail was x; c3 get k [11,12] -> none
        compare-and-delete succeeded twice:
            c1 put k x [0,5] -> ok; c2 cad k =x [6,10] -> ok; c3 cad k =x [6,10] -> ok
        a lock held by two:
            c1 putabsent k a [0,5] -> ok; c2 putabsent k b [6,7] -> ok; c1 cad k =a [8,9] -> ok
        """;

    public const string Revisions = """
        revision going back:
            c1 put k x [0,5] -> ok r7; c1 put k y [6,9] -> ok r6
        revision used twice:
            c1 put k x [0,5] -> ok r7; c1 put k y [6,9] -> ok r7
        revision used twice at once:
            c1 put k x [0,9] -> ok r7; c2 put k y [0,9] -> ok r7
        get shows another revision than the put answered:
            c1 put k x [0,5] -> ok r7; c2 get k [6,7] -> x r8
        exists shows an old revision:
            c1 put k x [0,5] -> ok r7; c1 put k x [6,7] -> ok r8; c2 exists k [8,9] -> yes r7
        one write shows two revisions:
            c1 put k x [0,5] -> ok; c2 get k [6,7] -> x r4; c3 get k [8,9] -> x r5
        revision goes back over a delete:
            c1 put k x [0,5] -> ok r4; c1 delete k [6,7] -> ok r5; c1 put k y [8,9] -> ok r3
        revision of the delete used again:
            c1 put k x [0,5] -> ok r4; c1 delete k [6,7] -> ok r5; c1 put k y [8,9] -> ok r5
        no room for a write between two revisions:
            c1 put k x [0,5] -> ok r4; c1 put k y [6,7] -> ok; c1 put k z [8,9] -> ok r5
        no room for two writes between two revisions:
            c1 put k x [0,5] -> ok r4; c1 put k y [6,7] -> ok; c1 delete k [8,9] -> ok; c1 put k z [10,11] -> ok r6
        order of revisions against the order of reads:
            c1 put k x [0,20] -> ok r4; c2 put k y [0,20] -> ok r5; c3 get k [2,3] -> y; c3 get k [4,5] -> x
        final value is of the lower revision:
            c1 put k x [0,10] -> ok r4; c2 put k y [0,10] -> ok r5; c3 get k [11,12] -> x
        revision orders against real time:
            c1 put k x [0,5] -> ok r9; c2 put k y [6,10] -> ok r8; c3 get k [11,12] -> x r9
        cas by an old revision succeeds:
            c1 put k x [0,5] -> ok r4; c1 put k x [6,7] -> ok r5; c2 cas k #4 y [8,10] -> ok r6
        cas by revision succeeded twice:
            c1 put k x [0,5] -> ok r4; c2 cas k #4 y [6,9] -> ok r5; c3 cas k #4 z [6,9] -> ok r6
        cas by the right revision fails:
            c1 put k x [0,5] -> ok r4; c2 cas k #4 y [6,9] -> fail
        cas by revision succeeds on a deleted key:
            c1 put k x [0,5] -> ok r4; c1 delete k [6,7] -> ok r5; c2 cas k #4 y [8,9] -> ok r6
        cas by revision takes a lower revision:
            c1 put k x [0,5] -> ok r4; c2 cas k #4 y [6,9] -> ok r3
        compare-and-delete by an old revision succeeds:
            c1 put k x [0,5] -> ok r4; c1 put k y [6,7] -> ok r5; c2 cad k #4 [8,9] -> ok r6
        compare-and-delete by the right revision fails:
            c1 put k x [0,5] -> ok r4; c2 cad k #4 [6,9] -> fail was x r4
        get-and-put tells a wrong old revision:
            c1 put k x [0,5] -> ok r4; c2 getput k y [6,9] -> ok r6 was x r3
        get-and-put takes a revision below the old:
            c1 put k x [0,5] -> ok r4; c2 getput k y [6,9] -> ok r3 was x r4
        put-if-absent tells a wrong revision:
            c1 put k x [0,5] -> ok r4; c2 putabsent k y [6,9] -> fail was x r5
        delete range takes an old revision:
            c1 put k x [0,5] -> ok r4; c2 delrange k [6,9] -> ok r4
        cas failed untold against the revision that shows after:
            c1 put k x [0,5] -> ok; c2 cas k #4 y [6,10] -> fail; c3 get k [11,12] -> x r4
        cas failed untold against each revision that is possible:
            c1 put k w [0,1] -> ok r1; c1 put k x [2,5] -> ok; c2 cas k #2 y [6,7] -> fail; c2 cas k #3 y [8,9] -> fail;
            c1 put k z [10,11] -> ok r4
        """;

    public const string Sequences = """
        sequence starts at one:
            c1 seq k 1 [0,5] -> 1
        double apply of a sequence:
            c1 seq k 1 [0,5] -> 0; c1 seq k 1 [6,7] -> 2
        number handed out twice:
            c1 seq k 1 [0,5] -> 0; c2 seq k 1 [6,7] -> 0
        number handed out twice at once:
            c1 seq k 1 [0,10] -> 0; c2 seq k 1 [0,10] -> 0
        blocks overlap:
            c1 seq k 10 [0,5] -> 0; c2 seq k 10 [6,7] -> 5
        gap after a block:
            c1 seq k 10 [0,5] -> 0; c2 seq k 1 [6,7] -> 11
        sequence against real time:
            c1 seq k 1 [0,5] -> 1; c2 seq k 1 [6,7] -> 0
        step zero took a number:
            c1 seq k 0 [0,5] -> 0; c1 seq k 1 [6,7] -> 1
        stale read of a sequence:
            c1 seq k 3 [0,5] -> 0; c2 seq k 0 [6,7] -> 0
        reads of a sequence go back:
            c1 seq k 3 [0,20] -> 0; c2 seq k 0 [2,3] -> 3; c2 seq k 0 [4,5] -> 0
        reset without effect:
            c1 seq k 3 [0,5] -> 0; c1 reset k 100 [6,7] -> ok; c1 seq k 1 [8,9] -> 3
        reset took effect twice:
            c1 reset k 100 [0,20] -> ok; c2 seq k 1 [2,3] -> 100; c2 seq k 1 [4,5] -> 100
        reset tells where it did not stand:
            c1 seq k 3 [0,5] -> 0; c1 reset k 100 [6,7] -> ok was 2
        exhausted sequence handed out:
            c1 reset k 9223372036854775806 [0,5] -> ok; c1 seq k 2 [6,7] -> 9223372036854775806
        sequence fails though numbers are left:
            c1 reset k 9223372036854775806 [0,5] -> ok; c1 seq k 1 [6,7] -> fail
        sequence wraps round:
            c1 reset k 9223372036854775806 [0,5] -> ok; c1 seq k 1 [6,7] -> 9223372036854775806; c1 seq k 1 [8,9] -> 0
        failed sequence takes numbers:
            c1 reset k 9223372036854775805 [0,5] -> ok; c1 seq k 3 [6,7] -> fail;
            c1 seq k 1 [8,9] -> 9223372036854775806
        delete range resets the sequence:
            c1 seq k 3 [0,5] -> 0; c1 delrange k [6,7] -> ok; c1 seq k 1 [8,9] -> 0
        """;

    public const string Unknowns = """
        value of an unknown put, then its absence:
            c1 put k x [0,?]; c2 get k [5,6] -> x; c2 get k [7,8] -> none
        existence of an unknown put, then its absence:
            c1 put k x [0,?]; c2 exists k [5,6] -> yes; c2 exists k [7,8] -> none
        unknown put seen before its call:
            c2 get k [0,5] -> x; c1 put k x [6,?]
        unknown put took effect twice:
            c1 put k x [0,?]; c2 get k [1,2] -> x; c2 put k y [5,10] -> ok; c2 get k [11,12] -> y; c2 get k [13,14] -> x
        unknown delete took effect twice:
            c1 put k x [0,5] -> ok; c2 delete k [6,?]; c3 get k [7,8] -> none; c1 put k y [10,11] -> ok;
            c3 get k [12,13] -> none
        unknown delete took effect before its call:
            c1 put k x [0,5] -> ok; c3 get k [6,7] -> none; c2 delete k [8,?]
        two unknown deletes took effect three times:
            c1 put k x [0,5] -> ok; c2 delete k [6,?]; c3 delete k [7,?]; c4 get k [8,9] -> none;
            c1 put k y [10,11] -> ok;
            c4 get k [12,13] -> none; c1 put k z [14,15] -> ok; c4 get k [16,17] -> none
        unknown put-if-absent stores over a value:
            c1 put k y [0,5] -> ok; c2 putabsent k x [6,?]; c3 get k [7,8] -> x
        unknown put-if-absent stored twice:
            c1 putabsent k x [0,?]; c2 get k [1,2] -> x; c2 delete k [3,4] -> ok; c2 get k [5,6] -> x
        unknown cas took effect against another value:
            c1 put k x [0,5] -> ok; c2 cas k =z y [6,?]; c3 get k [11,12] -> y
        unknown cas took effect twice:
            c1 put k x [0,5] -> ok; c2 cas k =x y [6,?]; c3 get k [7,8] -> y; c1 put k x [9,10] -> ok;
            c3 get k [11,12] -> y
        chain of unknowns with a missing link:
            c1 put k x [0,?]; c2 cas k =y z [1,?]; c4 get k [11,12] -> z
        chain of unknowns in a circle:
            c1 cas k =b a [0,?]; c2 cas k =a b [0,?]; c3 get k [5,6] -> a
        unknown compare-and-delete of another value:
            c1 put k x [0,5] -> ok; c2 cad k =y [6,?]; c3 get k [11,12] -> none
        unknown get-and-put seen twice around another put:
            c1 getput k x [0,?]; c2 get k [1,2] -> x; c2 put k y [3,4] -> ok; c2 get k [5,6] -> x
        unknown delete range took a later key's value twice:
            c1 put k x [0,5] -> ok; c2 delrange k [6,?]; c3 get k [7,8] -> none; c1 put k y [9,10] -> ok;
            c3 get k [11,12] -> none
        unknown put does not hide a lost put:
            c1 put k x [0,?]; c2 put k y [5,10] -> ok; c2 get k [11,12] -> none
        unknown put does not explain another value:
            c1 put k x [0,?]; c2 get k [5,10] -> y
        double apply of an unknown sequence:
            c1 seq k 5 [0,?]; c2 seq k 1 [6,7] -> 10
        unknown sequence in part:
            c1 seq k 5 [0,?]; c2 seq k 1 [6,7] -> 3
        unknown sequence before its call:
            c2 seq k 1 [0,5] -> 5; c1 seq k 5 [6,?]
        unknown sequences cannot make the gap:
            c1 seq k 2 [0,?]; c2 seq k 3 [0,?]; c3 seq k 7 [0,?]; c4 seq k 1 [6,7] -> 8
        unknown sequence was used, then was not:
            c1 seq k 5 [0,?]; c2 seq k 0 [6,7] -> 5; c2 seq k 0 [8,9] -> 0
        unknown reset took effect twice:
            c1 reset k 100 [0,?]; c2 seq k 1 [1,2] -> 100; c2 seq k 1 [3,4] -> 100
        no room for the revision of an unknown put:
            c1 put k x [0,5] -> ok r4; c2 put k y [6,?]; c3 get k [11,12] -> y; c1 put k z [13,14] -> ok r5
        no room for two unknown puts:
            c1 put k x [0,5] -> ok r4; c2 put k y [6,?]; c2 put k w [6,?]; c3 get k [11,12] -> y; c3 get k [13,14] -> w;
            c1 put k z [15,16] -> ok r6
        unknown put shows a revision below the one before:
            c1 put k x [0,5] -> ok r4; c2 put k y [6,?]; c3 get k [11,12] -> y r3
        unknown put shows two revisions:
            c1 put k x [0,5] -> ok r4; c2 put k y [6,?]; c3 get k [11,12] -> y r6; c3 get k [13,14] -> y r7
        cas by the revision that an unknown put replaced:
            c1 put k x [0,5] -> ok r4; c2 put k y [6,?]; c3 get k [7,8] -> y; c3 cas k #4 z [11,12] -> ok r7
        cas fails with nothing to make it fail:
            c1 put k x [0,5] -> ok r4; c2 delete k [20,?]; c3 cas k #4 z [11,12] -> fail
        """;

    public static string All => string.Join('\n', Reads, Writes, Conditions, Revisions, Sequences, Unknowns);
}
