using Google.Protobuf;
using Google.Protobuf.Reflection;
using Kv.Protocol.Grpc.Reflection.V1;
using Kv.Rpc.Server;
using Alpha = Kv.Protocol.Grpc.Reflection.V1Alpha;

namespace Kv.Rpc.Services;

/// <summary>
/// <c>grpc.reflection.v1</c> and, for older tools, <c>v1alpha</c>: tells a client which services a port has and what
/// their messages are. KvStore's contracts have no extensions.
/// </summary>
public sealed class ReflectionService
{
    private const string MethodName = "ServerReflectionInfo";

    private readonly SymbolTable _symbols;
    private readonly string[] _services;

    private ReflectionService(IReadOnlyList<ServiceDescriptor> services)
    {
        _symbols = new SymbolTable(services);
        _services = [.. services.Select(service => service.FullName).Order(StringComparer.Ordinal)];
    }

    /// <summary>The bindings of both versions, describing <paramref name="services"/> and themselves.</summary>
    public static IReadOnlyList<GrpcServiceBinding> Bind(IEnumerable<GrpcServiceBinding> services)
    {
        ServiceDescriptor v1 = ReflectionReflection.Descriptor.Services[0];
        ServiceDescriptor v1Alpha = Alpha.ReflectionReflection.Descriptor.Services[0];
        ReflectionService reflection = new([.. services.Select(service => service.Descriptor), v1, v1Alpha]);
        return
        [
            new GrpcService(v1)
                .Duplex<ServerReflectionRequest, ServerReflectionResponse>(MethodName, reflection.AnswerAllAsync)
                .Build(),
            new GrpcService(v1Alpha)
                .Duplex<Alpha.ServerReflectionRequest, Alpha.ServerReflectionResponse>(
                    MethodName, reflection.AnswerAllAsync)
                .Build(),
        ];
    }

    private static ServerReflectionResponse NotFound(string what) => new()
    {
        ErrorResponse =
            new ErrorResponse { ErrorCode = (int)StatusCode.NotFound, ErrorMessage = $"{what} is not known here" },
    };

    private static ServerReflectionResponse FileOr(FileDescriptor? file, string what) => file is null
        ? NotFound(what)
        : new ServerReflectionResponse
        {
            FileDescriptorResponse = new FileDescriptorResponse { FileDescriptorProto = { SymbolTable.WithImports(
                file) } },
        };

    private async ValueTask AnswerAllAsync(
        MessageReader<ServerReflectionRequest> requests,
        MessageWriter<ServerReflectionResponse> responses,
        GrpcCallContext context)
    {
        while (await requests.ReadAsync().ConfigureAwait(false) is { } request)
        {
            await responses.WriteAsync(Answer(request)).ConfigureAwait(false);
        }
    }

    /// <summary>The two versions are the same bytes under two names.</summary>
    private async ValueTask AnswerAllAsync(
        MessageReader<Alpha.ServerReflectionRequest> requests,
        MessageWriter<Alpha.ServerReflectionResponse> responses,
        GrpcCallContext context)
    {
        while (await requests.ReadAsync().ConfigureAwait(false) is { } request)
        {
            ServerReflectionResponse answer = Answer(ServerReflectionRequest.Parser.ParseFrom(request.ToByteString()));
            await responses.WriteAsync(Alpha.ServerReflectionResponse.Parser.ParseFrom(answer.ToByteString()))
                .ConfigureAwait(false);
        }
    }

    private ServerReflectionResponse Answer(ServerReflectionRequest request)
    {
        ServerReflectionResponse response = request.MessageRequestCase switch
        {
            ServerReflectionRequest.MessageRequestOneofCase.FileByFilename =>
                FileOr(_symbols.FileByName(request.FileByFilename), "the file"),
            ServerReflectionRequest.MessageRequestOneofCase.FileContainingSymbol =>
                FileOr(_symbols.FileBySymbol(request.FileContainingSymbol), "the symbol"),
            ServerReflectionRequest.MessageRequestOneofCase.FileContainingExtension => NotFound("the extension"),
            ServerReflectionRequest.MessageRequestOneofCase.AllExtensionNumbersOfType =>
                ExtensionNumbers(request.AllExtensionNumbersOfType),
            ServerReflectionRequest.MessageRequestOneofCase.ListServices => ListServices(),
            _ => new ServerReflectionResponse
            {
                ErrorResponse = new ErrorResponse
                {
                    ErrorCode = (int)StatusCode.InvalidArgument,
                    ErrorMessage = "the request asks for nothing that is known here",
                },
            },
        };
        response.ValidHost = request.Host;
        response.OriginalRequest = request;
        return response;
    }

    private ServerReflectionResponse ExtensionNumbers(string type) => _symbols.HasMessage(type)
        ? new ServerReflectionResponse
        {
            AllExtensionNumbersResponse = new ExtensionNumberResponse { BaseTypeName = type },
        }
        : NotFound("the message");

    private ServerReflectionResponse ListServices() => new()
    {
        ListServicesResponse = new ListServiceResponse
        {
            Service = { _services.Select(name => new ServiceResponse { Name = name }) },
        },
    };
}
