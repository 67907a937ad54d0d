# Tags that move with the LTS line, for its security fixes.
FROM node:24-trixie-slim AS base
WORKDIR /app
# No install scripts: `prepare` would build, and lmdb ships its native code ready-made, so nobody needs a compiler.
ENV npm_config_ignore_scripts=true npm_config_fund=false npm_config_audit=false npm_config_update_notifier=false

FROM base AS build
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
COPY routes routes
COPY openapi openapi
# Source maps would point at sources that the image does not have.
RUN npm run build -- --sourceMap false

FROM base AS production-dependencies
COPY package.json package-lock.json ./
# npm sbom would miss what is left out.
RUN npm ci --omit=dev && npm pkg delete devDependencies && npm sbom --sbom-format=cyclonedx > /npm.cdx.json
# The only folder that is written, by the user that the process runs as.
RUN install --directory --owner=1000 --group=1000 --mode=0700 /staged/data

# Node.js and what it links to: no shell, no package manager, no npm. The same Debian and the same line of Node.js as above.
FROM gcr.io/distroless/nodejs24-debian13 AS runtime

FROM runtime AS bill-of-materials
COPY docker/bill-of-materials.mjs /
COPY --from=production-dependencies /npm.cdx.json /
RUN ["/nodejs/bin/node", "--eval", "require('fs').writeFileSync('/sbom.cdx.json', require('child_process').execFileSync(process.execPath, ['/bill-of-materials.mjs', '/npm.cdx.json']))"]

# The software bill of materials alone: docker build --target sbom --output . .
FROM scratch AS sbom
COPY --from=bill-of-materials /sbom.cdx.json /

FROM runtime
WORKDIR /app
# Every address of the container, as no port could be published otherwise. So it starts with tokens only (ACCESS_TOKENS or
# ACCESS_TOKENS_FILE), or with ALLOW_ANONYMOUS=true where the published port is kept from others: that is for who runs it to say, not here.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
# The program belongs to root, so the process can't change it.
COPY --from=production-dependencies --chown=1000:1000 /staged /
COPY LICENSE package.json ./
COPY --from=bill-of-materials /sbom.cdx.json ./
COPY --from=production-dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/openapi/openapi.json openapi/
# A plain user, as a number: Kubernetes' runAsNonRoot can't judge a name.
USER 1000:1000
VOLUME /data
EXPOSE 8080
# The certificate is not checked here, since it is for the public name of the service.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["/nodejs/bin/node", "--eval", "require(process.env.TLS_CERT_FILE ? 'https' : 'http').get({ host: '127.0.0.1', port: process.env.PORT, path: '/livez', rejectUnauthorized: false }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
# Exec form: node is PID 1 and gets SIGTERM itself. Other commands: docker run stopgate estimate ...
ENTRYPOINT ["/nodejs/bin/node", "dist/src/cli.js"]
CMD ["serve"]
