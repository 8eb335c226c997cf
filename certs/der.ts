// Writes X.509 certificates as DER (door of node-forge, which only encodes: reading, signing and verifying is node:crypto's).

import { createHash, sign, type KeyObject } from 'node:crypto';

import forge from 'node-forge';

const { asn1 } = forge;
type Asn1 = forge.asn1.Asn1;

const OID = {
  commonName: '2.5.4.3',
  domainComponent: '0.9.2342.19200300.100.1.25',
  ecPublicKey: '1.2.840.10045.2.1',
  prime256v1: '1.2.840.10045.3.1.7',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

/** Bits of keyUsage, in the order of RFC 5280. */
const KEY_USAGE = { digitalSignature: 0x80, keyCertSign: 0x04, cRLSign: 0x02 } as const;

/** DC=org, DC=example, DC=notebooks, CN=...; the domain may be left out. */
export interface DistinguishedName {
  readonly domain?: string;
  readonly commonName: string;
}

/** A name or address that a certificate speaks for; addresses as their 4 or 16 bytes. */
export type AlternativeName = { readonly dns: string } | { readonly ip: Uint8Array };

/** What the CA's certificate says, apart from its key. */
export interface AuthorityProfile {
  readonly kind: 'authority';
  readonly domain: string;
}

export interface LeafProfile {
  readonly kind: 'leaf';
  readonly names: readonly AlternativeName[];
}

export interface CertificateRequest {
  readonly profile: AuthorityProfile | LeafProfile;
  readonly subject: DistinguishedName;
  readonly issuer: DistinguishedName;
  /** 1 to 20 bytes, the first below 0x80. */
  readonly serial: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** P-256, like the issuer's. */
  readonly publicKey: KeyObject;
  readonly issuerPublicKey: KeyObject;
}

/** The signed certificate as PEM. */
export function signCertificate(request: CertificateRequest, issuerKey: KeyObject): string {
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const body = sequence(
    context(0, [integer(Uint8Array.of(2))]),
    integer(request.serial),
    algorithm,
    distinguishedName(request.issuer),
    sequence(time(request.notBefore), time(request.notAfter)),
    distinguishedName(request.subject),
    publicKeyInfo(request.publicKey),
    context(3, [sequence(...extensions(request))]),
  );
  const signature = sign('sha256', encode(body), issuerKey);
  const der = encode(sequence(body, algorithm, bitString(signature)));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** The bytes that a name has inside a certificate. */
export function encodeName(name: DistinguishedName): Buffer {
  return encode(distinguishedName(name));
}

/** The bytes of the critical constraint that lets a CA speak for one domain and for no IP address. */
export function encodeNameConstraints(domain: string): Buffer {
  return encode(nameConstraints(domain));
}

function extensions(request: CertificateRequest): Asn1[] {
  const subjectKey = extension(OID.subjectKeyIdentifier, false, octets(keyIdentifier(request.publicKey)));
  const { profile } = request;
  if (profile.kind === 'authority')
    return [
      // Path length 0: this CA issues leaves only.
      extension(OID.basicConstraints, true, sequence(boolean(true), integer(Uint8Array.of(0)))),
      extension(OID.keyUsage, true, bits(KEY_USAGE.keyCertSign | KEY_USAGE.cRLSign)),
      nameConstraints(profile.domain),
      subjectKey,
    ];
  const issuerKey = sequence(implicit(0, keyIdentifier(request.issuerPublicKey)));
  return [
    extension(OID.basicConstraints, true, sequence()),
    extension(OID.keyUsage, true, bits(KEY_USAGE.digitalSignature)),
    extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth))),
    extension(OID.subjectAltName, false, sequence(...profile.names.map(generalName))),
    subjectKey,
    extension(OID.authorityKeyIdentifier, false, issuerKey),
  ];
}

/** DNS alone would let a leaf with an IP address pass: the constraint of one type says nothing about the others. */
function nameConstraints(domain: string): Asn1 {
  const permitted = context(0, [sequence(generalName({ dns: domain }))]);
  const everyAddress = [{ ip: new Uint8Array(8) }, { ip: new Uint8Array(32) }];
  const excluded = context(
    1,
    everyAddress.map((range) => sequence(generalName(range))),
  );
  return extension(OID.nameConstraints, true, sequence(permitted, excluded));
}

function generalName(name: AlternativeName): Asn1 {
  return 'dns' in name ? implicit(2, Buffer.from(name.dns, 'latin1')) : implicit(7, name.ip);
}

function extension(id: string, critical: boolean, value: Asn1): Asn1 {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(encode(value)));
}

function distinguishedName(name: DistinguishedName): Asn1 {
  const components = name.domain?.split('.').toReversed() ?? [];
  return sequence(
    ...components.map((label) => attribute(OID.domainComponent, asn1.Type.IA5STRING, label)),
    attribute(OID.commonName, asn1.Type.UTF8, name.commonName),
  );
}

function attribute(id: string, type: forge.asn1.Type, text: string): Asn1 {
  const value = primitive(type, Buffer.from(text, 'utf8'));
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SET, true, [sequence(oid(id), value)]);
}

function publicKeyInfo(key: KeyObject): Asn1 {
  return sequence(sequence(oid(OID.ecPublicKey), oid(OID.prime256v1)), bitString(point(key)));
}

/** The uncompressed point of a P-256 key. */
function point(key: KeyObject): Buffer {
  const { crv, x, y } = key.export({ format: 'jwk' });
  if (crv !== 'P-256' || x === undefined || y === undefined) throw new TypeError('not a P-256 key');
  return Buffer.concat([Uint8Array.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}

/** RFC 7093, method 1. */
function keyIdentifier(key: KeyObject): Buffer {
  return createHash('sha256').update(point(key)).digest().subarray(0, 20);
}

function time(date: Date): Asn1 {
  const generalized = date.getUTCFullYear() >= 2050;
  const text = generalized ? asn1.dateToGeneralizedTime(date) : asn1.dateToUtcTime(date);
  const type = generalized ? asn1.Type.GENERALIZEDTIME : asn1.Type.UTCTIME;
  return primitive(type, Buffer.from(text, 'latin1'));
}

function encode(value: Asn1): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), 'latin1');
}

function sequence(...values: Asn1[]): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, values);
}

function context(tag: number, values: Asn1[]): Asn1 {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, true, values);
}

function implicit(tag: number, bytes: Uint8Array): Asn1 {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, false, latin1(bytes));
}

function primitive(type: forge.asn1.Type, bytes: Uint8Array): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, type, false, latin1(bytes));
}

function oid(id: string): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(id).getBytes());
}

function integer(bytes: Uint8Array): Asn1 {
  return primitive(asn1.Type.INTEGER, bytes);
}

function boolean(value: boolean): Asn1 {
  return primitive(asn1.Type.BOOLEAN, Uint8Array.of(value ? 0xff : 0));
}

function octets(bytes: Uint8Array): Asn1 {
  return primitive(asn1.Type.OCTETSTRING, bytes);
}

function bitString(bytes: Uint8Array): Asn1 {
  return primitive(asn1.Type.BITSTRING, Buffer.concat([Uint8Array.of(0), bytes]));
}

/** A named bit list of one byte: DER wants the trailing zero bits counted, not sent. */
function bits(value: number): Asn1 {
  const unused = Math.log2(value & -value);
  return primitive(asn1.Type.BITSTRING, Uint8Array.of(unused, value));
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
