import { openCustomCa } from '../../bastion/tls/custom-ca.ts';
import { NO_LOG } from '../../shared/program/log.ts';
import { movableClock, temporaryDirectory } from '../support/fixture-authority.ts';
import { testTlsSource } from './tls-source.ts';

// The first leaf is old but still valid, its successor begins today: real verifiers accept both.
const DAYS_61 = 61 * 86_400_000;

testTlsSource('custom CA', () => {
  const domain = 'notebooks.localhost';
  const clock = movableClock(Date.now() - DAYS_61);
  const source = openCustomCa({ directory: temporaryDirectory(), domain, log: NO_LOG, clock });
  return {
    source,
    domain,
    ca: source.authority ?? '',
    change: () => clock.advance(DAYS_61),
    timers: () => clock.timers,
  };
});
