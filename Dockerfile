# One base for all stages: what is built against is what runs. A tag that moves with the LTS line, for its security fixes.
FROM node:24-trixie-slim AS base
WORKDIR /app
# No install scripts: `prepare` would build, and lmdb ships its native code ready-made, so nobody needs a compiler.
ENV npm_config_ignore_scripts=true npm_config_fund=false npm_config_audit=false npm_config_update_notifier=false

FROM base AS build
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY routes routes
COPY openapi openapi
# Source maps would point at sources that the image does not have.
RUN npm run build -- --sourceMap false

FROM base AS production-dependencies
COPY package.json package-lock.json ./
RUN npm ci --omit=dev

FROM node:24-trixie-slim
WORKDIR /app
# Every address of the container, as no port could be published otherwise. So it starts with tokens only (ACCESS_TOKENS or
# ACCESS_TOKENS_FILE), or with ALLOW_ANONYMOUS=true where the published port is kept from others: that is for who runs it to say, not here.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
# The only folder that is written; the program itself belongs to root, so the process can't change it.
RUN install --directory --owner=1000 --group=1000 --mode=0700 /data
COPY LICENSE package.json ./
COPY --from=production-dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
# The image's `node` user, as a number: Kubernetes' runAsNonRoot can't judge a name.
USER 1000:1000
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "--eval", "fetch('http://127.0.0.1:' + process.env.PORT + '/livez').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Exec form: node is PID 1 and gets SIGTERM itself. Other commands: docker run stopgate replay ...
ENTRYPOINT ["node", "dist/src/cli.js"]
CMD ["serve"]
