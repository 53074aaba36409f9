using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Kv.Rpc.Wire;

/// <summary>Whether a certificate chains to one of our own roots, and may be used for what it is shown for.</summary>
internal static class CertificateCheck
{
    public const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    public const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    public static bool IsTrusted(
        X509Certificate2 certificate,
        X509Certificate2Collection roots,
        string usage,
        X509Certificate2Collection? intermediates = null)
    {
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(usage));
        if (intermediates is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(intermediates);
        }

        bool isTrusted = chain.Build(certificate);
        foreach (X509ChainElement element in chain.ChainElements)
        {
            element.Certificate.Dispose();
        }

        return isTrusted;
    }
}
