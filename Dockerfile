# Both programs in one small image that runs as nobody in particular.
#   docker build -t postern .
#   docker run --init -p 443:8443 -e POSTERN_DOMAIN=notebooks.example.org -v postern:/var/lib/postern postern
#   docker run --init --entrypoint postern-agent postern attach --help

# Debian here, because the compiler is a native program for glibc; what it makes is not.
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY shared shared
COPY certs certs
COPY agent agent
COPY bastion bastion
# Optional packages are the compiler's platform parts and Node itself: neither is needed to run.
RUN npx tsc -p tsconfig.build.json --sourceMap false --declaration false \
 && npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-alpine
# npm and yarn are not needed to run, and are most of what scanners complain about.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn* \
      /usr/local/bin/yarn /usr/local/bin/yarnpkg \
 && for program in bastion agent certs; do \
      printf '#!/bin/sh\nexec node /opt/postern/dist/%s/main.js "$@"\n' "$program" > "/usr/local/bin/postern-$program" \
      && chmod 755 "/usr/local/bin/postern-$program"; \
    done \
 && install -d -o 1000 -g 1000 -m 0700 /var/lib/postern
WORKDIR /opt/postern
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY LICENSE ./
ENV NODE_ENV=production
USER 1000:1000
VOLUME /var/lib/postern
EXPOSE 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9090/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["postern-bastion"]
# The domain comes from POSTERN_DOMAIN, or from --domain when these arguments are replaced.
CMD ["serve", "--listen", "0.0.0.0:8443", "--state", "/var/lib/postern", "--admin", "127.0.0.1:9090"]
