package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Files of a lab's keys and certificates, in its pki folder.
const (
	caCert       = "ca.crt"
	caKey        = "ca.key"
	serverCert   = "apiserver.crt"
	serverKey    = "apiserver.key"
	saPrivateKey = "sa.key"
	saPublicKey  = "sa.pub"
	kubeletCert  = "kubelet.crt"
	kubeletKey   = "kubelet.key"
	pkiFolder    = "pki"

	// What the API server shows to the kubelet.
	kubeletClientCert = "apiserver-kubelet.crt"
	kubeletClientKey  = "apiserver-kubelet.key"

	certificateAge = 30 * 24 * time.Hour // longer than a lab lives
)

// An authority is the lab's own certificate authority. Users are certificates that it signs (the common name is the
// user, the organizations are the groups), so that a test can make any user at any time.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority makes the authority and the keys that sign service account tokens.
func newAuthority(dir string) (*authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making certificates: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the authority's key: %w", err)
	}
	template := certificate("kubectl-harden lab", nil)
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making the authority's certificate: %w", err)
	}
	a := &authority{dir: dir, key: key}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("reading the authority's certificate: %w", err)
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	tokenKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the service account key: %w", err)
	}
	tokenKeyPEM, err := encodeKey(tokenKey)
	if err != nil {
		return nil, err
	}
	tokenPub, err := x509.MarshalPKIXPublicKey(tokenKey.Public())
	if err != nil {
		return nil, fmt.Errorf("encoding the service account key: %w", err)
	}
	if err := a.write(map[string][]byte{
		caCert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), caKey: keyPEM,
		saPrivateKey: tokenKeyPEM, saPublicKey: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: tokenPub}),
	}); err != nil {
		return nil, err
	}
	return a, nil
}

// write writes files into the authority's folder.
func (a *authority) write(files map[string][]byte) error {
	for name, data := range files {
		if err := os.WriteFile(a.path(name), data, 0o600); err != nil {
			return fmt.Errorf("writing certificates: %w", err)
		}
	}
	return nil
}

// writeServerCertificates writes the certificates of the API server.
func (l *Lab) writeServerCertificates() error {
	ips := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, net.ParseIP(l.ranges().serviceIP)}
	if l.opts.Containers {
		ips = append(ips, net.ParseIP(l.network.node()))
		cert, key, err := l.authority.user("kube-apiserver-kubelet-client", []string{adminGroup})
		if err != nil {
			return err
		}
		if err := l.authority.write(map[string][]byte{kubeletClientCert: cert, kubeletClientKey: key}); err != nil {
			return err
		}
	}
	names := []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	return l.authority.server(serverCert, serverKey, "kube-apiserver", names, ips...)
}

// server writes the certificate of a server and its key to the named files.
func (a *authority) server(certFile, keyFile, name string, dnsNames []string, ips ...net.IP) error {
	template := certificate(name, nil)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames, template.IPAddresses = dnsNames, ips
	cert, key, err := a.sign(template)
	if err != nil {
		return err
	}
	return a.write(map[string][]byte{certFile: cert, keyFile: key})
}

// openAuthority reads the authority of a lab that another process started.
func openAuthority(dir string) (*authority, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, caCert), filepath.Join(dir, caKey))
	if err != nil {
		return nil, fmt.Errorf("reading the lab's authority: %w", err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("reading the lab's authority: its key is not an ECDSA key")
	}
	return &authority{dir: dir, cert: pair.Leaf, key: key}, nil
}

// path returns the path of one of the files.
func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// caPEM returns the authority's certificate.
func (a *authority) caPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// user returns a client certificate of a user in the given groups, and its key.
func (a *authority) user(name string, groups []string) (cert, key []byte, err error) {
	template := certificate(name, groups)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.sign(template)
}

// sign makes a key and lets the authority certify it as the template says.
func (a *authority) sign(template *x509.Certificate) (cert, key []byte, err error) {
	name := template.Subject.CommonName
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("making the key of %q: %w", name, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, k.Public(), a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("making the certificate of %q: %w", name, err)
	}
	if key, err = encodeKey(k); err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key, nil
}

// certificate is what all of the lab's certificates share.
func certificate(name string, groups []string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name, Organization: groups},
		NotBefore:    now.Add(-time.Hour), // clocks of two processes need not agree to the second
		NotAfter:     now.Add(certificateAge),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}
