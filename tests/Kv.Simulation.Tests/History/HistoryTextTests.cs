using Kv.Base;
using Kv.Testing.History;

namespace Kv.Simulation.Tests.History;

public sealed class HistoryTextTests
{
    [Fact]
    public void Print_EveryRowOfTheTables_ReadsTheSame()
    {
        foreach ((string name, HistoryOperation[] history) in
            HistoryTable.Parse(GoodHistories.All + "\n" + BadHistories.All))
        {
            string text = HistoryText.Print(history);

            Assert.True(history.SequenceEqual(HistoryText.Parse(text)), $"{name}: {text}");
        }
    }

    [Theory]
    [InlineData("c1 push k x [0,1] -> ok")]
    [InlineData("c1 put k x y [0,1] -> ok")]
    [InlineData("c1 put k x [0,1]")]
    [InlineData("c1 put k x [0,?] -> ok")]
    [InlineData("c1 put k x [0,1] -> done")]
    [InlineData("c1 put k x [0,1] -> ok ok")]
    [InlineData("c1 cas k x y [0,1] -> ok")]
    public void Parse_NotAnOperation_Throws(string line) =>
        Assert.Throws<InvariantViolationException>(() => HistoryText.Parse(line));

    [Theory]
    [InlineData("c1 put k x [5,4] -> ok")]
    [InlineData("c1 put k x [0,1] -> fail")]
    public void Check_HistoryThatMakesNoSense_Throws(string line) =>
        Assert.Throws<InvariantViolationException>(() => new LinearizabilityChecker().Check(HistoryText.Parse(line)));

    [Fact]
    public void Recorder_KeepsAnswersAndOpenWrites_DropsTheRest()
    {
        var recorder = new HistoryRecorder();
        long put = recorder.Called(1, "k", OperationKind.Put, now: 0, value: "x");
        long lostRead = recorder.Called(2, "k", OperationKind.Get, now: 1);
        long lostWrite = recorder.Called(3, "k", OperationKind.Delete, now: 2);
        long refused = recorder.Called(4, "k", OperationKind.Put, now: 3, value: "y");
        recorder.Called(5, "k", OperationKind.Exists, now: 4);
        recorder.Called(6, "k", OperationKind.Sequence, now: 5, number: 0);
        recorder.Called(7, "k", OperationKind.CompareAndPut, now: 6, value: "z", Expectation.OfRevision(4));
        recorder.EndedUnknown(lostRead);
        recorder.EndedUnknown(lostWrite);
        recorder.EndedWithoutEffect(refused);
        recorder.Returned(put, now: 9, new OperationResult { Revision = 4 });

        Assert.Equal(
            "c1 put k x [0,9] -> ok r4\nc3 delete k [2,?]\nc7 cas k #4 z [6,?]", HistoryText.Print(recorder.History()));
        Assert.Throws<InvariantViolationException>(() => recorder.EndedUnknown(put));
    }
}
