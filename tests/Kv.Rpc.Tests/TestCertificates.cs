using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Kv.Rpc.Tests;

/// <summary>A root of its own and certificates made from it.</summary>
internal sealed class TestCertificates : IDisposable
{
    private const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    private const string ClientUsage = "1.3.6.1.5.5.7.3.2";

    private readonly List<X509Certificate2> _made = [];

    public TestCertificates()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=test root", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        Root = request.CreateSelfSigned(now.AddDays(-30), now.AddDays(30));
        _made.Add(Root);
    }

    public X509Certificate2 Root { get; }

    public X509Certificate2Collection Roots => [Root];

    public X509Certificate2 Server(IPAddress? address = null, TimeSpan age = default) =>
        Make("CN=server", ServerUsage, address ?? IPAddress.Loopback, age);

    public X509Certificate2 Client(TimeSpan age = default) => Make("CN=client", ClientUsage, address: null, age);

    public static string KeyPem(X509Certificate2 certificate)
    {
        using ECDsa key = certificate.GetECDsaPrivateKey()!;
        return key.ExportPkcs8PrivateKeyPem();
    }

    public void Dispose() => _made.ForEach(certificate => certificate.Dispose());

    private X509Certificate2 Make(string name, string usage, IPAddress? address, TimeSpan age)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        if (address is not null)
        {
            SubjectAlternativeNameBuilder names = new();
            names.AddIpAddress(address);
            names.AddDnsName("server.test");
            request.CertificateExtensions.Add(names.Build());
        }

        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 bare = request.Create(
            Root, now.AddDays(-1) - age, now.AddDays(1) - age, RandomNumberGenerator.GetBytes(16));
        using X509Certificate2 withKey = bare.CopyWithPrivateKey(key);
        byte[] packed = withKey.Export(X509ContentType.Pkcs12);
        X509Certificate2 certificate = X509CertificateLoader.LoadPkcs12(
            packed, password: null, X509KeyStorageFlags.Exportable);
        _made.Add(certificate);
        return certificate;
    }
}
