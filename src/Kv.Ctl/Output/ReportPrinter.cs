using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Kv.Base;
using Spectre.Console;
using SpectreText = Spectre.Console.Text;

namespace Kv.Ctl.Output;

/// <summary>Prints a report as a table, as JSON or as plain lines.</summary>
internal static class ReportPrinter
{
    /// <summary>Tables that do not go to a terminal are never folded.</summary>
    private const int WidthWithoutTerminal = 1000;

    /// <summary>Readable in a terminal; the output is not HTML.</summary>
    private static readonly JsonWriterOptions JsonOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Indented = true,
    };

    public static void Print(Report report, OutputFormat format, TextWriter output, bool isTerminal)
    {
        switch (format)
        {
            case OutputFormat.Table:
                PrintTables(report, output, isTerminal);
                break;
            case OutputFormat.Json:
                PrintJson(report, output);
                break;
            case OutputFormat.Plain:
                PrintPlain(report, output);
                break;
            default:
                throw Invariant.Unreachable(format);
        }
    }

    /// <summary>A console that writes to <paramref name="output"/>, with colours only on a terminal.</summary>
    public static IAnsiConsole ConsoleOn(TextWriter output, bool isTerminal)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(output),
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = isTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = isTerminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!isTerminal)
        {
            console.Profile.Width = WidthWithoutTerminal;
        }

        return console;
    }

    private static void PrintTables(Report report, TextWriter output, bool isTerminal)
    {
        IAnsiConsole console = ConsoleOn(output, isTerminal);
        if (report.Facts.Count > 0)
        {
            int width = report.Facts.Max(fact => fact.Column.Title.Length);
            foreach ((Column column, Cell cell) in report.Facts)
            {
                output.WriteLine($"{column.Title.PadRight(width)}  {cell.Table}");
            }
        }

        foreach (ReportList list in report.Lists)
        {
            var table = new Table { Border = TableBorder.Rounded, UseSafeBorder = true };
            foreach (Column column in list.Columns)
            {
                table.AddColumn(new TableColumn(new SpectreText(column.Title))
                {
                    Alignment = column.IsNumber ? Justify.Right : Justify.Left,
                });
            }

            foreach (IReadOnlyList<Cell> row in list.Rows)
            {
                Invariant.Require(row.Count == list.Columns.Count);
                table.AddRow(row.Select(cell => new SpectreText(cell.Table)));
            }

            console.Write(table);
        }
    }

    private static void PrintPlain(Report report, TextWriter output)
    {
        foreach ((Column column, Cell cell) in report.Facts)
        {
            output.WriteLine($"{column.Name}\t{cell.Plain}");
        }

        foreach (ReportList list in report.Lists)
        {
            foreach (IReadOnlyList<Cell> row in list.Rows)
            {
                output.WriteLine(string.Join('\t', row.Select(cell => cell.Plain)));
            }
        }
    }

    // Only facts: one object. Facts and lists: one object with arrays. One list alone: an array.
    private static void PrintJson(Report report, TextWriter output)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonOptions))
        {
            if (report is { Facts.Count: 0, Lists.Count: 1 })
            {
                WriteRows(json, report.Lists[0]);
            }
            else
            {
                WriteObject(json, report);
            }
        }

        output.WriteLine(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    private static void WriteObject(Utf8JsonWriter json, Report report)
    {
        json.WriteStartObject();
        foreach ((Column column, Cell cell) in report.Facts)
        {
            json.WritePropertyName(column.Name);
            cell.WriteJson(json);
        }

        foreach (ReportList list in report.Lists)
        {
            json.WritePropertyName(list.Name);
            WriteRows(json, list);
        }

        json.WriteEndObject();
    }

    private static void WriteRows(Utf8JsonWriter json, ReportList list)
    {
        json.WriteStartArray();
        foreach (IReadOnlyList<Cell> row in list.Rows)
        {
            json.WriteStartObject();
            for (int i = 0; i < list.Columns.Count; i++)
            {
                json.WritePropertyName(list.Columns[i].Name);
                row[i].WriteJson(json);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
