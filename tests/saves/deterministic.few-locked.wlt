{
    "meta": {
        "coin": "skycoin",
        "cryptoType": "sha256-xor",
        "encrypted": "true",
        "filename": "mine.wlt",
        "label": "mine",
        "lastSeed": "",
        "secrets": "cLEmatLYp8PlaOQ8msLDDpGchx/KoQf8V3xvRPD9/g9dmSB356NNkkMNy81uVEkCxHbUBA+MqyUGmzGCemdrxi55SQMSKItwKpiK2J92AU93RHwUCBU0BkW2QKDnJpFKXIfoyvs45gNgmhU2SOR8wV8F2hUY7y+HnyE3g3nAf2uZScU+rsB1kgeAplr9cqPDhiLlx/0mMD3Y8r8ZC+TjhMERo96hj0goqD27OQZ90Nor8z5NfmFUYvAZHDZEDQK3nWPXCmvyjtXzlI+wy6GQTFGKFvGbfJ5G2K67sW+zZVHIcpC74+n9/OJjQYUzb51T1H0LM2F6jxgo95Ekn+cfxwX4UqbfYdjj0rjLKWSgMgLPNJVJdzN0y+KQYmHBbC5Qp4zv0Dom5smrdO5qXZYH5LMHU2e+k0fcj+lsGQSKTMsEegdfLamiaMDJYwMlxIi0th++iauzsXWCOWFmO/dGmHWLRhOII073RGoECmm9dTkNifD6w1970YgJ36XEc44PONXtBd5wwoe6jFBBoslsQAZlGQROpn5jvafMAom+XvF4DCYDcNW1EiVbeF5CgD75ArF8+1Ebg5C/zGPRjtnRe96ljkzNlvi+8IQDbDfqRJzPwDcFqmAZv3BYlfpGylZyXBlhPt0mwGniCuRKH4icgyM1RJOIj5Gbn1UvBOAzHStyaaUaBqGIuevx43fuvvZ/JxLjr438kKMs1mFjbwb2mdZilFUYDJHzkY6Ia2uq5GABcab97RZcfjz/36Mmq1p+T68ztLKNsHmwPwqW6tlteeGY5uptTxtZPFRk9E2N1wMRM9Y/vMfaH0wf/+wzea6AjZF5IdSvEGVhPga3Mh28Taupho0U9c/hNTFHhUq9HD7ffZ9z7zD1CMCX27DS0nk2eV7EV3LeIN3Y/zGobsb64xULjTxF+9hqi2VJ6E0ccmYxrd3NteTcQLBmvSU200ib4GZ3Ya8B1TgMJpvQp/A49vMIzUfTXDUFVC04f65DtxWWgU3Kkk1Np1FcbsKcqcezdfgbb2So7JllMSvKD4Tjs97tUpmfU6yMiY2T5SblJwh5RK7L0SDB1JcM5YXLketandxFl8qsnyc366yXhAQtjlwyh1LVcxwhq1PWLF95aFkrY5PEMc7EPQFo5dwZlX2k3ZvSNaTpIGKfhDBUF8tYtLZRc1i+/kglEIrM5S/ia/nK5YiNHB9Ny5kVDBkvzpFCQtalfw9dVBvuChqFfwBGGh3pZ56LuhwLBu2ipT01NascT5xMOciSexv/8P+4P+dv6U5VAq9jwZTF9U9oCmBndp/5BTQ4GjFI3LEUiCouKghh2nLXnc4+4N12RoUxQu1bFtc5xxUaNEUvAEPoq24s2psmE7u1TxoE8RSlTKKgWiqqkx2H+WzDr9HcFA7dvFi0si2PZlXTfNRMaXBdc2TvF8bmFnOU4zUF7LBDtf4TIDFl75kNAaTYjsqHaEFK4RfyoJBwXH5A+eizmkP3LRSzWSiBJO9u2sZdH/DNHTsoVleugCPgPfKK7GQMnI1cSQUdocu40kAXUqODhL7ftWv30FQGMRC9JpPOs4tQ96W8SsfO8e76NLwfXKInG1itoc4W8X4ns6LqSbUWIBEXXHWKCP3GQAN4bOwr15CNcVW0XQPUMcrayxrKLoFRkR4C8myKHK/1sDqziZY/eBrDkZEtfF77O2EWM/ilw4mcnDdwXDoNsYZVApL+2qlNDRHS6P6KPFoF53BW9ZRyG8gNEoFnMjXkyGkAtfTq71Vq+lbhxh/FH0Fezt/1oID6FZUiMZIjRnuoGt/bxvTBD/eA99eW2UJapcJ62PEP7CGcV83wynH7FU5QLAMCy4sg0a7Zj8skLRc85evdfaVi//CpROanfItwOi7CPZDZlPUfdCQ4gFwIEMGVtIEU+Iz+BkHNPk0vHs9JNCGIm2WvNcc4kl2vwnu5PvwAF9uYHnAs+GpW85WbzWNPv8aajaZ7MaV6BFKaEDgtnj1BB+oxwbsKqsoXA3AjeqMTprQpqVlN0Jb+F3EKpQs30E1AxHxzeJf576M+",
        "seed": "",
        "seedPassphrase": "",
        "tm": "1795672663",
        "type": "deterministic",
        "version": "0.4",
        "xpub": ""
    },
    "entries": [
        {
            "address": "2EFSW8YqFDG3x6mwfbDjBk6M9eMc6WUoFHZ",
            "public_key": "0305e00701e9ac4ebc32de970042e065b0815bdb6a0689478c63eb5834fdf1871a",
            "secret_key": ""
        },
        {
            "address": "24qhX1ZC9F8iDaT6R13j4fgJyQvumW2izpm",
            "public_key": "02dfaea66d7fffc86f30446226d191720ef4cfff028851e276f69300906bdcbc03",
            "secret_key": ""
        },
        {
            "address": "oJAsEpQrwQdVs6D12ufJ4T25EcCQYg9XFX",
            "public_key": "03c072cf0f6cdf503d00b086ed776999f67fe5a065d64e682fdb5e900c9a41826d",
            "secret_key": ""
        },
        {
            "address": "Zr7NGdVCLTPCbCrCBeYQFYHt389XhEUcfk",
            "public_key": "03e3be0c221ac14df0a71a739b02d8a3585af2ec38b60f812a7c72baa8bc215c8c",
            "secret_key": ""
        },
        {
            "address": "R48MmWamS2Z7eomRu4swN1Qn1fNvyRWmbr",
            "public_key": "021170db935bac17ac3754bd3086e22b869744d33063f3922b3e62edae95e8f97e",
            "secret_key": ""
        },
        {
            "address": "TZTziG8nnjot6br48btTCiwHHyzFktETYn",
            "public_key": "027ee56798b97b1719c11eda524712358dcce5cf21da67ed1a5e603f34aac76de0",
            "secret_key": ""
        },
        {
            "address": "2erA869uwmKLVJJPxGCStKgwkxNzhKiyQUP",
            "public_key": "039c1f8f6f72c51a64d26e0848331b97f7523727c855df3eb297bec9f84d3cd616",
            "secret_key": ""
        },
        {
            "address": "Kv6bfsgsaNjGdY1N4CkWsqERW6iRkfLx6V",
            "public_key": "036f22d250a23be12a81bbdc122ceee551a0cbb62860d0afebcc903982f0b75755",
            "secret_key": ""
        },
        {
            "address": "2HtBwWZ5Uyrq6dM4ZX5YdN9LdPzDTR62CJG",
            "public_key": "024d8b68385c62fff5989f46a145a97af00201066b9f59dc4611265fbb04e64fbc",
            "secret_key": ""
        },
        {
            "address": "95tRnfvCZqnw3qhug5ShcpK3Y7khDpZTxx",
            "public_key": "025cdcf8fc1230b0e1ac9574190c47759ef6ddc18f24c35f09c3b86e3dc47d7020",
            "secret_key": ""
        },
        {
            "address": "2dzMJ3jZ9ywxC1HUU72mGZaHRD8fYE66uhP",
            "public_key": "035e08e0704fa63e84c43e510944c4f55351bef28889a26c153a2c3e32a1535df6",
            "secret_key": ""
        },
        {
            "address": "2geXvqB3QXrCZjyWq2MhLVa3yTJ73ktand2",
            "public_key": "0380b59c81185b6cbb6d0f5fae20d8c31adf8ba8d85ed754965092908d3a72b4fb",
            "secret_key": ""
        }
    ]
}