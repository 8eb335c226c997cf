import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { openTlsFiles } from '../../bastion/tls/files.ts';
import { createAuthority } from '../../certs/authority.ts';
import { issueLeaf } from '../../certs/leaf.ts';
import { NO_LOG } from '../../shared/program/log.ts';
import { movableClock, temporaryDirectory } from '../support/fixture-authority.ts';
import { testTlsSource } from './tls-source.ts';

testTlsSource('files', () => {
  const domain = 'notebooks.example.org';
  const directory = temporaryDirectory();
  const [certificate, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const clock = movableClock();
  const authority = createAuthority({ domain, now: clock.now() });
  const write = (): void => {
    const leaf = issueLeaf(authority, { now: clock.now() });
    writeFileSync(certificate, leaf.certificate);
    writeFileSync(key, leaf.key, { mode: 0o600 });
  };
  write();
  return {
    source: openTlsFiles({ certificate, key, log: NO_LOG, clock }),
    domain,
    ca: authority.certificate,
    change() {
      write();
      clock.advance(5000);
    },
    timers: () => clock.timers,
  };
});
